import type { Command } from 'commander'
import type { TappedRecord } from '../controller/broker/tap.ts'
import { didYouMean, listed } from '../schema/suggest.ts'
import { type ControllerOptions, command, controllerOptions, flowOption, jsonOption } from './command.ts'
import { Usage } from './failure.ts'
import type { Picture } from './graph/picture.ts'
import { interruption } from './interrupt.ts'
import { count, noCount } from './logs.ts'
import { recordText } from './record-text.ts'

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
        ['dyninka tap average -n flows --flow etl', 'of one Dataflow of a cluster'],
      ],
      failure: 'the controller is not there',
    })
      .argument('FUNCTION[.OUTPUT]', 'function or source, and one of its outputs')
      .option('--limit <COUNT>', 'end after so many records', count)
      .addOption(flowOption())
      .addOption(jsonOption('NDJSON: {"id", "key", "time", "value", "function", "output"}')),
  ).action(async (place: string, options: Options) => {
    if (options.namespace !== undefined) noCount(options.namespace, '--limit')
    const { connect } = await import('./api/connect.ts')
    const target = await connect(options)
    const [name, output] = place.split('.', 2) as [string, string?]
    const { api, flow } = await target.placeOf(name, options.flow)
    const { nodes, edges } = await api.get<Picture>('/api/graph', { flow, rates: 0 })
    if (nodes.some(node => node.name === name && node.kind === 'sink')) {
      const inputs = edges.filter(edge => edge.to === name).map(edge => edge.from)
      throw new Usage(`${name} is a sink: nothing leaves it`, `Tap what it reads: ${listed(inputs, 'or')}.`)
    }
    const outputs = [...new Set(edges.filter(edge => edge.from === name).map(edge => edge.output))]
    if (output !== undefined && !outputs.includes(output)) {
      const otherwise = outputs.length > 0 ? `There is ${listed(outputs)}.` : 'Nothing reads it.'
      throw new Usage(`nobody reads an output ${output} of ${name}`, didYouMean(output, outputs, otherwise))
    }
    const query = { flow, function: name, output, limit: options.limit }
    for await (const record of api.lines<TappedRecord>('/api/tap', query, interruption())) {
      console.log(options.json ? JSON.stringify(record) : recordText(record))
    }
  })
