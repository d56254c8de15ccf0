import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { listed } from '../schema/suggest.ts'
import { command, jsonOption, stateOption } from './command.ts'
import { stateFolder } from './state.ts'
import type { Ended } from './stop/end-all.ts'

interface Options {
  state?: string
  json?: true
}

export const stop = (): Command =>
  command('stop', {
    summary: 'end a controller, all it runs and its broker',
    detail:
      'Works as well when the controller has gone already. What is queued in the broker stays for the next start.',
    examples: [
      ['dyninka stop', 'what runs for this folder'],
      ['dyninka stop --state /var/lib/dyninka', 'what runs from another state folder'],
    ],
    failure: 'something did not end',
  })
    .addOption(stateOption())
    .addOption(jsonOption('{"controller": bool, "hosts": number, "broker": bool}'))
    .action(async (options: Options) => {
      const state = stateFolder(options.state)
      const { endAll } = await import('./stop/end-all.ts')
      const ended = existsSync(state) ? await endAll(state) : nothing
      if (options.json) console.log(JSON.stringify(ended))
      else console.log(endedText(ended, state))
    })

const nothing: Ended = { controller: false, hosts: 0, broker: false }

function endedText({ controller, hosts, broker }: Ended, state: string): string {
  const names = [
    controller && 'the controller',
    hosts > 0 && `${hosts} ${hosts === 1 ? 'host' : 'hosts'}`,
    broker && 'the broker',
  ].filter(name => name !== false)
  return names.length > 0 ? `Stopped ${listed(names)} of ${state}.` : `Nothing runs from ${state}.`
}
