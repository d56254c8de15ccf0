import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Status } from './api/status.ts'
import type { Note } from './api/target.ts'
import { type ControllerOptions, command, controllerOptions, flowOption, jsonOption } from './command.ts'
import { interruption } from './interrupt.ts'
import { paint } from './paint.ts'

interface Options extends ControllerOptions {
  flow?: string
  json?: true
  watch?: true
}

const WATCH_MS = 1000

export const status = (): Command =>
  controllerOptions(
    command('status', {
      summary: 'show what runs, and how it does',
      detail:
        'In a cluster, what the Dataflow itself says is shown where its controller does not answer: all but hosts and counts.',
      examples: [
        ['dyninka status', 'dataflows, functions, hosts, lag'],
        ['dyninka status --watch', 'the same, renewed every second'],
        [`dyninka status --json | jq '.dataflows[].functions[].phase'`, 'for scripts'],
        ['dyninka status etl -n flows', 'a Dataflow of the current cluster'],
      ],
      failure: 'the controller is not there',
    })
      .argument('[NAME]', 'only this dataflow')
      .addOption(flowOption())
      .option('-w, --watch', 'renew every second until Ctrl-C')
      .addOption(
        jsonOption(
          '{"dataflows": [{"name", "revision", "conditions", "functions"}]}; with --watch, one line each',
        ),
      ),
  ).action(async (name: string | undefined, options: Options) => {
    const { connect } = await import('./api/connect.ts')
    const { statusText } = await import('./status/text.ts')
    const target = await connect(options)
    const flow = name ?? options.flow
    if (!options.watch) {
      const { status, notes, isPartial } = await target.status(flow)
      if (options.json) console.log(JSON.stringify(status, null, 2))
      else if (isSaid(status, notes)) console.log(statusText(status))
      tell(notes)
      if (isPartial) process.exitCode = 1
      return
    }
    const signal = interruption()
    const clear = process.stdout.isTTY ? '\x1b[H\x1b[2J\x1b[3J' : ''
    let told = ''
    while (!signal.aborted) {
      const { status, notes } = await target.status(flow)
      if (options.json) console.log(JSON.stringify(status))
      else console.log(`${clear}${isSaid(status, notes) ? statusText(status) : ''}`)
      // Where nothing is cleared, once.
      if (clear || JSON.stringify(notes) !== told) tell(notes)
      told = JSON.stringify(notes)
      await sleep(WATCH_MS, undefined, { signal }).catch(() => {})
    }
  })

/** Where there is nothing to show, a note says so already. */
const isSaid = ({ dataflows }: Status, notes: Note[]) => dataflows.length > 0 || notes.length === 0

function tell(notes: Note[]) {
  for (const { message, hint } of notes) {
    console.error(`${paint('yellow', 'note:', process.stderr)} ${message}`)
    if (hint) console.error(`  ${paint('dim', 'hint:', process.stderr)} ${hint}`)
  }
}
