import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { command, stateOption } from './command.ts'
import { interval as atLeastASecond, duration, window as windowMs } from './duration.ts'
import { Usage } from './failure.ts'
import { interruption } from './interrupt.ts'
import { Narration } from './narration.ts'
import { paint } from './paint.ts'
import { type AdaptFlags, adaptingOf, adaptOptions } from './run/adapt-flags.ts'
import { type ForgeFlags, forgeAccess, forgeOption } from './run/forge-access.ts'
import { type GitFiles, gitAccess } from './run/git-access.ts'
import { type ProposeFlags, proposeOptions, proposingOf, steadyProposeOptions } from './run/propose-flags.ts'
import { type ZoneBrokerFlags, zoneBrokerOption, zoneBrokersOf } from './run/zone-broker.ts'
import { type ZoneFlags, zoneOptions, zonesOf } from './run/zone-flags.ts'
import { stateFolder } from './state.ts'

interface Options extends GitFiles, ForgeFlags, ProposeFlags, AdaptFlags, ZoneFlags, ZoneBrokerFlags {
  repo: string
  branch?: string
  path?: string
  interval?: number
  broker: string
  listen: string
  state?: string
  secrets?: string
  pinAfter?: number
  window?: number
  json?: true
}

export const run = (): Command =>
  steadyProposeOptions(
    proposeOptions(
      zoneOptions(
        adaptOptions(
          command('run', {
            summary: 'follow a Git repository and run its dataflows',
            detail:
              'Each push is checked, what changed is built, and those functions alone are swapped. What runs outlives the\n' +
              'controller: start it again with the same --state, and it goes on; `dyninka stop` ends all.',
            examples: [
              ['dyninka run --repo .', 'the repository in this folder'],
              [
                'dyninka run --repo https://git.example.org/flows.git --branch main',
                'one elsewhere, polled every 30 s',
              ],
              ['dyninka run --repo . --broker mqtt://localhost:1883', 'with a broker of your own'],
            ],
            failure: 'the controller could not start',
          })
            .requiredOption('--repo <URL>', 'Git URL or folder')
            .option('--branch <NAME>', "branch to follow (default: the repository's default branch)")
            .option('--path <FOLDER>', 'only dataflows under this folder of the repository')
            .option(
              '--interval <DURATION>',
              'between two looks at the repository (default: 30s)',
              atLeastASecond,
            )
            .option('--broker <URL>', 'MQTT broker, or embedded for one that Dyninka runs', 'embedded')
            .addOption(zoneBrokerOption())
            .option('--listen <HOST:PORT>', 'address of the HTTP API', '127.0.0.1:4780')
            .addOption(stateOption())
            .option('--secrets <FILE>', '.env file with the values of secrets')
            .option(
              '--pin-after <DURATION>',
              'how long new code may take to start before the function stays what it was (default: 5m)',
              duration,
            )
            .option(
              '--ssh-key <FILE>',
              'private key for an SSH repository (default: those that ssh would try)',
            )
            .option('--known-hosts <FILE>', 'keys of SSH servers; no other is spoken to')
            .option(
              '--allowed-signers <FILE>',
              'take only commits signed with an SSH key of this file (see ssh-keygen)',
            )
            .addOption(forgeOption('sets a status beside each commit there'))
            .option('--forge-url <URL>', "base URL of its API (default: that of the repository's host)")
            .option('--window <DURATION>', 'length of the windows of telemetry (default: 10s)', windowMs)
            .option('--json', 'structured logs on stdout'),
        ),
      ),
      'with --forge: ask there, by a pull request, to move functions to better places',
    ),
  )
    .addHelpText(
      'after',
      '\nEnvironment: DYNINKA_SECRET_<NAME> is the value of a secret, DYNINKA_WEBHOOK_SECRET signs /webhook,\n' +
        'DYNINKA_GIT_USERNAME and DYNINKA_GIT_PASSWORD (or a token) open an HTTP(S) repository. DYNINKA_FORGE_TOKEN,\n' +
        'or DYNINKA_FORGE_APP_ID and DYNINKA_FORGE_APP_KEY (PEM) of a GitHub App, may set commit statuses.',
    )
    .action(
      async ({
        repo,
        interval,
        pinAfter,
        json,
        sshKey,
        knownHosts,
        allowedSigners,
        forge: forgeType,
        forgeUrl,
        brokerZone,
        node,
        link,
        window,
        zoneBroker,
        ...options
      }: Options) => {
        const git = gitAccess({ sshKey, knownHosts, allowedSigners })
        const forge = forgeAccess({ forge: forgeType, forgeUrl })
        if (options.propose && !forge) throw new Usage('--propose needs --forge: github or gitea')
        const { startController } = await import('../controller/controller.ts')
        const state = stateFolder(options.state)
        const signal = interruption()
        const narration = new Narration()
        const logger = (await import('pino')).pino({ level: json ? 'info' : 'silent' })
        const webhookSecret = process.env.DYNINKA_WEBHOOK_SECRET
        const controller = await startController({
          ...options,
          ...zoneBrokersOf({ zoneBroker }),
          state,
          repo: existsSync(repo) ? resolve(repo) : repo,
          git,
          ...(forge && { forge }),
          ...(options.propose && {
            proposing: proposingOf({ ...options, ...(brokerZone && { brokerZone }) }),
          }),
          ...zonesOf({ ...(node && { node }), ...(link && { link }) }),
          ...(brokerZone?.[''] !== undefined && { brokerZone: brokerZone[''] }),
          ...(window !== undefined && { windowMs: window }),
          ...(interval !== undefined && { intervalMs: interval }),
          ...(pinAfter !== undefined && { pinAfterMs: pinAfter }),
          adapting: adaptingOf(options),
          ...(webhookSecret && { webhookSecret }),
          logger,
          ...(!json && { onEvent: event => say(narration.tell(event)) }),
        })
        if (!json) console.log(`controller ${paint('bold', controller.url)}  state ${state}`)
        if (!signal.aborted) await once(signal, 'abort')
        await controller.stop()
        const again = `dyninka stop --state ${state}`
        // SIGTERM may come from `dyninka stop`, which ends the rest as well.
        const rest = process.exitCode === 143 ? '' : ` What runs keeps running: \`${again}\` ends it too.`
        if (!json) console.log(`Controller stopped.${rest}`)
      },
    )

const say = (text: string | undefined) => text !== undefined && console.log(text)
