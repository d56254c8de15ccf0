import { type Command, InvalidArgumentError } from 'commander'
import { type ControllerOptions, command, controllerOptions, flowOption, jsonOption } from './command.ts'
import { interruption } from './interrupt.ts'
import { type LogLine, logText } from './log-text.ts'

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
      ],
      failure: 'the controller is not there',
    })
      .argument('[FUNCTION]', 'function, source or sink')
      .option('-f, --follow', 'go on until Ctrl-C')
      .option('-n, --lines <COUNT>', 'how many of the last lines', count, 100)
      .addOption(flowOption())
      .addOption(jsonOption('NDJSON: {"function", "host", "time", "level", "msg", …}')),
  ).action(async (name: string | undefined, options: Options) => {
    const { connect } = await import('./api/connect.ts')
    const controller = await connect(options)
    const flow =
      name === undefined
        ? await controller.flowNamed(options.flow)
        : await controller.flowOf(name, options.flow)
    const query = { flow, function: name, lines: options.lines, follow: options.follow ? 1 : undefined }
    for await (const line of controller.lines<LogLine>('/api/logs', query, interruption())) {
      console.log(options.json ? JSON.stringify(line) : logText(line))
    }
  })

/** A whole number from 1. */
export function count(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError('It takes a whole number from 1.')
  return Number(text)
}
