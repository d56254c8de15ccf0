import { writeFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { type ControllerOptions, command, controllerOptions, jsonOption } from './command.ts'
import { duration } from './duration.ts'
import { Usage } from './failure.ts'
import { prometheusOption } from './telemetry/prometheus-option.ts'

interface Options extends ControllerOptions {
  since: number
  output?: string
  from?: string
  prometheus?: string
  json?: true
}

export const telemetry = (): Command =>
  command('telemetry', {
    summary: 'what was measured: rates, bytes, latencies, load, round trips',
    detail:
      'Kept for a week by the controller: half an hour by ten seconds, six hours by the minute, then by ten minutes.',
    examples: [
      ['dyninka telemetry show', 'the last hour, for people'],
      ['dyninka telemetry export -o flow.jsonl.gz', 'all of it in one file'],
      ['dyninka telemetry show --from flow.jsonl.gz', 'what is in such a file'],
    ],
    failure: 'the controller is not there, or the file is no telemetry',
  })
    .addCommand(show())
    .addCommand(exportCommand())

const hourMs = 3_600_000
const sinceOption = () =>
  new Option('--since <TIME>', 'how far back, such as 30m or 24h').argParser(duration).default(hourMs, '1h')

const show = () =>
  controllerOptions(
    command('show', {
      summary: 'show what was measured',
      detail: 'Each figure with what it stands on; docs/telemetry.md says what they mean.',
      examples: [
        ['dyninka telemetry show', 'of the dataflow that runs'],
        ['dyninka telemetry show etl --since 10m', 'of one of several'],
        ['dyninka telemetry show --from flow.jsonl.gz --json', 'what placement knows from a file'],
        ['dyninka telemetry show etl -n flows', 'of one Dataflow of a cluster'],
      ],
      failure: 'the controller is not there, or the file is no telemetry',
    })
      .argument('[FLOW]', 'the dataflow, where several run; in a cluster, the Dataflow')
      .addOption(sinceOption())
      .addOption(prometheusOption())
      .option('--from <FILE>', 'a file that was exported, instead of what runs')
      .addOption(
        jsonOption('{"flow", "at", "edges", "outside", "functions", "nodes", "roundTrips", "zonePairs", …}'),
      ),
  ).action(async (flow: string | undefined, options: Options) => {
    const { snapshotOf } = await import('../controller/telemetry/snapshot.ts')
    const { telemetryFile } = await import('./telemetry/file.ts')
    const snapshot = snapshotOf(await telemetryFile(flow, options))
    if (options.json) return console.log(JSON.stringify(snapshot, null, 2))
    const { snapshotText } = await import('./telemetry/text.ts')
    console.log(snapshotText(snapshot))
  })

const exportCommand = () =>
  controllerOptions(
    command('export', {
      summary: 'write what was measured into one file',
      detail:
        'JSON lines, as docs/telemetry.md describes them; with gzip where the name of the file ends with .gz.',
      examples: [
        ['dyninka telemetry export -o flow.jsonl.gz', 'the last hour'],
        ['dyninka telemetry export etl --since 24h | jq -c .edges', 'a day, on stdout'],
        ['dyninka telemetry export etl -n flows -o etl.jsonl.gz', 'of one Dataflow of a cluster'],
      ],
      failure: 'the controller is not there, or the file cannot be written',
    })
      .argument('[FLOW]', 'the dataflow, where several run; in a cluster, the Dataflow')
      .addOption(sinceOption())
      .addOption(prometheusOption())
      .option('-o, --output <FILE>', 'write there instead of stdout')
      .addOption(jsonOption('with --output: {"output", "flow", "windows", "bytes"}')),
  ).action(async (flow: string | undefined, options: Options) => {
    const { writeTelemetry } = await import('../controller/telemetry/file.ts')
    const { output } = options
    if (options.json && output === undefined)
      throw new Usage('--json tells of a file', 'Name it with --output; without, all is JSON already.')
    const { telemetryFile } = await import('./telemetry/file.ts')
    const file = await telemetryFile(flow, options)
    const content = writeTelemetry(file, output?.endsWith('.gz') ?? false)
    if (output === undefined) return void process.stdout.write(content)
    await writeFile(output, content)
    const said = { output, flow: file.header.flow, windows: file.windows.length, bytes: content.length }
    if (options.json) return console.log(JSON.stringify(said))
    console.log(`${output}: ${said.windows} windows of ${said.flow}, ${(said.bytes / 1000).toFixed(1)} kB`)
  })
