import type { ObservedHost } from './orchestrator/orchestrator.ts'

/** Why a host ended, with the last lines of its log. */
export function failureOf({ lastExit, failures }: ObservedHost): string {
  const log = lastExit?.log.slice(-5).join('\n') ?? ''
  const times = failures === 1 ? 'ended' : `ended ${failures} times`
  return `its host ${times}: ${lastExit?.reason ?? 'for an unknown reason'}${log && `\n${log}`}`
}
