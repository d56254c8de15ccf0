import type { Proposal } from '../forge/proposal.ts'
import { type TelemetryFile, type TelemetryHeader, writeTelemetry } from '../telemetry/file.ts'
import type { DecisionRules } from './decision.ts'

/** What a proposal follows from, as a file that `dyninka suggest --telemetry` reads. Not compressed: Git does that. */
export const attachment = (file: TelemetryFile): NonNullable<Proposal['telemetry']> => ({
  name: nameOf(file.header),
  text: writeTelemetry(file, false).toString(),
})

const nameOf = ({ flow }: Pick<TelemetryHeader, 'flow'>) => `${flow}.telemetry.jsonl`

/** The file, and what else the answer depends on, as they stand behind `--telemetry`. */
export function replayCommand(
  header: Pick<TelemetryHeader, 'flow'>,
  brokerZones: Readonly<Record<string, string>> = {},
  {
    rules: { windows, threshold, cooldownMs } = {},
    horizonHours,
    maxMoves,
  }: { rules?: Partial<DecisionRules>; horizonHours?: number; maxMoves?: number } = {},
): string {
  const options: [name: string, value: string | number | undefined][] = [
    ...Object.entries(brokerZones).map(([url, zone]): [string, string] => [
      'broker-zone',
      url === '' ? zone : `${url}=${zone}`,
    ]),
    ['holding', windows],
    ['threshold', threshold && Number((threshold * 100).toPrecision(6))],
    ['cooldown', cooldownMs === undefined ? undefined : `${cooldownMs / 1_000}s`],
    ['horizon', horizonHours && `${horizonHours}h`],
    ['max-moves', maxMoves],
  ]
  const given = options.flatMap(([name, value]) => (value === undefined ? [] : [`--${name} ${value}`]))
  return [nameOf(header), ...given].join(' ')
}
