import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { command, jsonOption, stateOption } from './command.ts'
import { stateFolder } from './state.ts'

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
    .addOption(jsonOption('{"controller": bool, "hosts": number}'))
    .action(async (options: Options) => {
      const state = stateFolder(options.state)
      const { endAll } = await import('./stop/end-all.ts')
      const ended =
        existsSync(join(state, 'lock.json')) || existsSync(join(state, 'hosts'))
          ? await endAll(state)
          : nothing
      if (options.json) console.log(JSON.stringify(ended))
      else if (!ended.controller && ended.hosts === 0) console.log(`Nothing runs from ${state}.`)
      else
        console.log(
          `Stopped ${ended.controller ? 'the controller, ' : ''}${ended.hosts} hosts and the broker of ${state}.`,
        )
    })

const nothing = { controller: false, hosts: 0 }
