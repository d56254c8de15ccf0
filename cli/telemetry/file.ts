import { readFile } from 'node:fs/promises'
import { readTelemetry, type TelemetryFile } from '../../controller/telemetry/file.ts'
import { connect } from '../api/connect.ts'
import type { ControllerOptions } from '../command.ts'
import { Usage } from '../failure.ts'
import { interruption } from '../interrupt.ts'

interface Options extends ControllerOptions {
  /** How far back, ms; of a file, all is read. */
  since: number
  /** A file that was exported. */
  from?: string
  /** Which to ask for windows, instead of the controller. */
  prometheus?: string
}

/** What was measured of a dataflow, from a file or else from the controller that runs it.
 *  @param name of the dataflow, or the only one there is @throws Problem, Usage */
export const telemetryFile = (name: string | undefined, options: Options): Promise<TelemetryFile> =>
  options.from === undefined ? running(name, options) : stored(name, options.from)

async function stored(name: string | undefined, path: string): Promise<TelemetryFile> {
  const content = await readFile(path).catch(() => {
    throw new Usage(
      `${path} cannot be read`,
      'Name a file that `dyninka telemetry export -o FILE` has written.',
    )
  })
  const file = readTelemetry(content, path)
  if (name !== undefined && name !== file.header.flow)
    throw new Usage(`${path} is of ${file.header.flow}, not of ${name}`, 'Leave the name out.')
  return file
}

async function running(name: string | undefined, options: Options): Promise<TelemetryFile> {
  const { api, flow } = await (await connect(options)).place(name)
  const { since, prometheus, namespace } = options
  const query = { flow, sinceMs: prometheus === undefined ? Math.round(since) : 1 }
  const lines: string[] = []
  const signal = interruption()
  for await (const line of api.lines('/api/telemetry', query, signal)) lines.push(JSON.stringify(line))
  const file = readTelemetry(Buffer.from(lines.join('\n')), 'what the controller answered')
  if (prometheus === undefined) return file
  const { askPrometheus } = await import('../../controller/telemetry/prometheus.ts')
  const { header } = file
  const now = Date.parse(header.at)
  const dataflow = namespace === undefined ? header.flow : `${namespace}/${header.flow}`
  const windows = await askPrometheus({ url: prometheus, dataflow, since: now - since, now, signal })
  return { header: { ...header, since: new Date(now - since).toISOString() }, windows }
}
