import type { Window } from '../telemetry/window.ts'
import type { Member } from './routes.ts'

/** What was measured of one dataflow of late. */
export interface Measured {
  /** As metrics label it. */
  dataflow: string
  /** The last ten seconds; absent before they are over. */
  window?: Window
  refused: Readonly<Record<string, number>>
}

export function measuredIn(members: Member[]): Measured[] {
  return members.flatMap(({ reconciler, namespace }) =>
    reconciler.all().map(({ name }) => {
      const window = reconciler.telemetry.latest(name)
      return {
        dataflow: namespace === undefined ? name : `${namespace}/${name}`,
        ...(window && { window }),
        refused: reconciler.telemetry.refused(name),
      }
    }),
  )
}
