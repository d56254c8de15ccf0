import { type Command, InvalidArgumentError, Option } from 'commander'
import { type ControllerOptions, command, controllerOptions, jsonOption } from './command.ts'
import { duration } from './duration.ts'
import { flowIn } from './flow-in.ts'
import { interruption } from './interrupt.ts'
import { Progress } from './progress.ts'

interface Options extends ControllerOptions {
  telemetry?: string
  since: number
  maxMoves?: number
  time: number
  explain?: string
  brokerZone?: Record<string, string>
  format: 'text' | 'markdown'
  json?: true
}

export const suggest = (): Command =>
  controllerOptions(
    command('suggest', {
      summary: 'where functions would better run, with proof',
      detail:
        'From what was measured: the moves that save most, how sure that is, and how much better any other placement could\n' +
        'be. Changes nothing. docs/placement.md says how it is reckoned.',
      examples: [
        ['dyninka suggest', 'for the dataflow in this folder, as it runs'],
        ['dyninka suggest --telemetry flow.jsonl.gz', 'the same answer again, from a file'],
        ['dyninka suggest --max-moves 1', 'the one move that saves most'],
        ['dyninka suggest --explain parse', 'why it is where it is, and what it would cost elsewhere'],
        ['dyninka suggest -n flows', 'for the Dataflow of a cluster'],
      ],
      failure: 'it can not be told',
    })
      .argument('[DIR]', 'folder of the dataflow', '.')
      .option('--telemetry <FILE>', 'a file of `dyninka telemetry export`, instead of what runs')
      .option('--since <TIME>', 'how far back to look at what runs, such as 30m or 24h', duration, 3_600_000)
      .option('--max-moves <N>', 'at most so many moves', atLeastOne)
      .option('--time <DURATION>', 'how long to look for a better answer', duration, 10_000)
      .option('--explain <FUNCTION>', 'what each place would cost for this one')
      .option('--broker-zone <URL=ZONE>', 'where a broker is, if nothing tells; may be repeated', brokerZone)
      .addOption(
        new Option('--format <FORMAT>', 'markdown is what a pull request says')
          .choices(['text', 'markdown'])
          .default('text'),
      )
      .addOption(
        jsonOption('{"flow", "current", "plans", "chosen"}, or with --explain {"function", "places"}'),
      ),
  ).action(async (dir: string, options: Options) => {
    const { telemetryFile } = await import('./telemetry/file.ts')
    const { situationOf } = await import('../controller/placement/situation/situation.ts')
    const { advise } = await import('../controller/placement/advice.ts')
    const flow = await flowIn(dir)
    const file = await telemetryFile(flow.name, { ...options, from: options.telemetry })
    const situation = situationOf(file, flow, options.brokerZone)
    using progress = new Progress('Looking for a better placement')
    const advice = await advise(situation, {
      seconds: options.time / 1_000,
      now: () => performance.now(),
      signal: interruption(),
      ...(options.maxMoves !== undefined && { maxMoves: options.maxMoves }),
    })
    progress.pause()
    if (options.json) return console.log(JSON.stringify({ flow: flow.name, ...advice }, null, 2))
    if (options.format === 'text') {
      const { suggestText } = await import('./suggest/text.ts')
      return console.log(suggestText(flow.name, situation, advice))
    }
    const { suggestionText } = await import('../controller/placement/suggestion-text.ts')
    const plan = advice.chosen ?? advice.plans.findLast(({ moves }) => moves.length > 0)
    if (!plan) return console.log('Nothing would be better than where all of it is.')
    const { title, body } = suggestionText(flow.name, situation, advice, plan, options.telemetry ?? 'FILE')
    console.log(`# ${title}\n\n${body}`)
  })

function atLeastOne(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1) return value
  throw new InvalidArgumentError('It is a number from 1.')
}

function brokerZone(text: string, before: Record<string, string> = {}): Record<string, string> {
  const [url, zone] = [text.slice(0, text.lastIndexOf('=')), text.slice(text.lastIndexOf('=') + 1)]
  if (/^\w+:\/\/./.test(url) && zone !== '') return { ...before, [url]: zone }
  throw new InvalidArgumentError('It is like mqtt://broker.example:1883=edge-lyon.')
}
