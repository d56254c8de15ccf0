import type { Proposal } from '../forge/proposal.ts'
import { type TelemetryFile, type TelemetryHeader, writeTelemetry } from '../telemetry/file.ts'

/** What a proposal follows from, as a file that `dyninka suggest --telemetry` reads. Not compressed: Git does that. */
export const attachment = (file: TelemetryFile): NonNullable<Proposal['telemetry']> => ({
  name: nameOf(file.header),
  text: writeTelemetry(file, false).toString(),
})

const nameOf = ({ flow }: Pick<TelemetryHeader, 'flow'>) => `${flow}.telemetry.jsonl`

/** The file, and what else the answer depends on, as they stand behind `--telemetry`. */
export const replayCommand = (
  header: Pick<TelemetryHeader, 'flow'>,
  brokerZones: Readonly<Record<string, string>> = {},
): string =>
  [nameOf(header), ...Object.entries(brokerZones).map(([url, zone]) => `--broker-zone ${url}=${zone}`)].join(
    ' ',
  )
