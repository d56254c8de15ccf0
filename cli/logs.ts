import { type Command, InvalidArgumentError } from 'commander'
import { type ControllerOptions, command, controllerOptions, flowOption, jsonOption } from './command.ts'
import { interruption } from './interrupt.ts'
import { paint } from './paint.ts'

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
      .option('-n, --lines COUNT', 'how many of the last lines', count, 100)
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
    for await (const line of controller.lines<Line>('/api/logs', query, interruption())) {
      console.log(options.json ? JSON.stringify(line) : lineText(line))
    }
  })

interface Line {
  function: string
  host: string
  time: number
  level: number
  msg: string
  [field: string]: unknown
}

/** A whole number from 1. */
export function count(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError('It takes a whole number from 1.')
  return Number(text)
}

function lineText({
  function: name,
  host: _host,
  time,
  level,
  msg,
  pid: _pid,
  hostname: _name,
  ...fields
}: Line): string {
  const [word, colour] = levels.find(([, , from]) => level >= from) ?? levels.at(-1)!
  const stacks = Object.entries(fields).flatMap(([field, value]) => {
    const stack = (value as { stack?: unknown } | null)?.stack ?? (field === 'stack' ? value : undefined)
    if (typeof stack !== 'string') return []
    delete fields[field]
    return stack.split('\n').map(line => `\n    ${paint('dim', line.trim())}`)
  })
  const rest = Object.keys(fields).length > 0 ? ` ${paint('dim', JSON.stringify(fields))}` : ''
  const at = paint('dim', new Date(time).toISOString().slice(11, 23))
  return `${at} ${paint(colour, word)} ${paint('cyan', name)} ${msg}${rest}${stacks.join('')}`
}

const levels = [
  ['fatal', 'red', 60],
  ['error', 'red', 50],
  ['warn ', 'yellow', 40],
  ['info ', 'green', 30],
  ['debug', 'dim', 0],
] as const
