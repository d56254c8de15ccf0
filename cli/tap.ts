import type { Command } from 'commander'
import { type ControllerOptions, command, controllerOptions, flowOption, jsonOption } from './command.ts'
import { interruption } from './interrupt.ts'
import { count } from './logs.ts'
import { recordText, type TappedRecord } from './record-text.ts'

interface Options extends ControllerOptions {
  flow?: string
  limit?: number
  json?: true
}

export const tap = (): Command =>
  controllerOptions(
    command('tap', {
      summary: 'watch the records that leave a function or a source',
      detail: 'Looks on only: what flows is neither slowed down nor changed.',
      examples: [
        ['dyninka tap average', 'what average returns, until Ctrl-C'],
        ['dyninka tap average.hot --limit 5', 'five records of a named output'],
        ['dyninka tap average --json | jq .value', 'for scripts'],
      ],
      failure: 'the controller is not there',
    })
      .argument('FUNCTION[.OUTPUT]', 'function or source, and one of its outputs')
      .option('-n, --limit <COUNT>', 'end after so many records', count)
      .addOption(flowOption())
      .addOption(jsonOption('NDJSON: {"id", "key", "time", "value", "function", "output"}')),
  ).action(async (place: string, options: Options) => {
    const { connect } = await import('./api/connect.ts')
    const controller = await connect(options)
    const [name, output] = place.split('.', 2) as [string, string?]
    const flow = await controller.flowOf(name, options.flow)
    const query = { flow, function: name, output, limit: options.limit }
    for await (const record of controller.lines<TappedRecord>('/api/tap', query, interruption())) {
      console.log(options.json ? JSON.stringify(record) : recordText(record))
    }
  })
