import { type Command, InvalidArgumentError } from 'commander'
import { type ControllerOptions, command, controllerOptions, flowOption, jsonOption } from './command.ts'
import { Usage } from './failure.ts'
import { interruption } from './interrupt.ts'
import { logText } from './log-text.ts'

interface Options extends ControllerOptions {
  flow?: string
  follow?: true
  lines: number
  json?: true
}

export const logs = (): Command =>
  controllerOptions(
    command('logs', {
      summary: "show what functions log: `ctx.log` and the host's own lines",
      examples: [
        ['dyninka logs', 'the last lines of every function'],
        ['dyninka logs average --follow', 'one function, as it goes'],
        ['dyninka logs average --lines 1000 --json', 'NDJSON, as it was written'],
        ['dyninka logs average --follow -n flows', 'the pods of a cluster, whether or not a controller runs'],
      ],
      failure: 'the controller is not there',
    })
      .argument('[FUNCTION]', 'function, source or sink')
      .option('-f, --follow', 'go on until Ctrl-C')
      .option('--lines <COUNT>', 'how many of the last lines', count, 100)
      .addOption(flowOption())
      .addOption(jsonOption('NDJSON: {"function", "host", "time", "level", "msg", …}')),
  ).action(async (name: string | undefined, options: Options) => {
    if (options.namespace !== undefined) noCount(options.namespace, '--lines')
    const { connect } = await import('./api/connect.ts')
    const target = await connect(options)
    const wanted = {
      ...(name !== undefined && { node: name }),
      ...(options.flow !== undefined && { flow: options.flow }),
      lines: options.lines,
      follow: options.follow === true,
    }
    for await (const line of target.logs(wanted, interruption())) {
      console.log(options.json ? JSON.stringify(line) : logText(line))
    }
  })

/** `-n 5` meant a count before there were namespaces. @throws Usage */
export function noCount(namespace: string, option: string): void {
  if (/^[0-9]+$/.test(namespace))
    throw new Usage(
      `-n names a namespace, and ${namespace} is a number`,
      `A count is ${option} ${namespace}.`,
    )
}

/** A whole number from 1. */
export function count(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError('It takes a whole number from 1.')
  return Number(text)
}
