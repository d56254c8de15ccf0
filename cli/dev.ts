import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { command } from './command.ts'
import { Usage } from './failure.ts'
import { interruption } from './interrupt.ts'
import { Narration } from './narration.ts'
import { paint } from './paint.ts'
import { type ZoneBrokerFlags, zoneBrokerOption, zoneBrokersOf } from './run/zone-broker.ts'
import { type ZoneFlags, zoneOptions, zonesOf } from './run/zone-flags.ts'
import { stateOf } from './state.ts'

interface Options extends ZoneFlags, ZoneBrokerFlags {
  broker: string
  listen: string
  state?: string
  secrets?: string
  brokerZone?: string
  records: boolean
}

export const dev = (): Command =>
  zoneOptions(
    command('dev', {
      summary: 'run a folder, and again whenever a file is saved',
      detail:
        'Needs no Git. The same controller as `dyninka run`: what changed is built, and swapped without losing a record.\n' +
        'Prints records and logs as they pass, a few each second. Ctrl-C ends all that runs.',
      examples: [
        ['dyninka dev', 'the dataflows of this folder'],
        ['dyninka dev my-flow --no-records', 'another folder, without the records'],
      ],
      failure: 'the controller could not start',
    })
      .argument('[DIR]', 'folder with one or more dataflows', '.')
      .option('--broker <URL>', 'MQTT broker, or embedded for one that Dyninka runs', 'embedded')
      .addOption(zoneBrokerOption())
      .option('--listen <HOST:PORT>', 'address of the HTTP API', '127.0.0.1:0')
      .option('--state <DIR>', 'folder of what must survive a restart (default: DIR/.dyninka)')
      .option('--secrets <FILE>', '.env file with the values of secrets')
      .option('--no-records', 'leave out the records that pass'),
  )
    .option('--broker-zone <ZONE>', 'where the broker is')
    .action(
      async (dir: string, { state = stateOf(dir), records, node, link, zoneBroker, ...options }: Options) => {
        if (!(await stat(dir).catch(() => undefined))?.isDirectory())
          throw new Usage(`there is no folder ${dir}`)
        const { startController } = await import('../controller/controller.ts')
        const { Passing } = await import('./dev/passing.ts')
        const signal = interruption()
        const narration = new Narration()
        const passing = new Passing({ records, signal, print: text => narration.print(text) })
        const logger = (await import('pino')).pino({ level: 'silent' })
        const controller = await startController({
          ...options,
          ...zonesOf({ ...(node && { node }), ...(link && { link }) }),
          ...zoneBrokersOf({ zoneBroker }),
          dir: resolve(dir),
          state,
          logger,
          onEvent: event => {
            const text = narration.tell(event)
            if (text !== undefined) console.log(text)
            if (event.type === 'ready') passing.add(event.flow)
          },
        })
        console.log(`controller ${paint('bold', controller.url)}  watching ${resolve(dir)}`)
        passing.follow(controller.url, controller.token)
        if (!signal.aborted) await once(signal, 'abort')
        console.log('Stopping …')
        await controller.stop({ hosts: true })
        console.log('Stopped all that ran.')
      },
    )
