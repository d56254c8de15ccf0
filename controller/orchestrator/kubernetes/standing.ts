import { logText, parseLine } from '../log-line.ts'
import type { ObservedHost } from '../orchestrator.ts'
import type { ContainerStatus, Pod, Termination } from './objects.ts'

type Standing = Pick<ObservedHost, 'phase' | 'failures' | 'lastExit' | 'obstacle' | 'startedAt'>

const healthyAfterMs = 60_000
const logLines = 20

/** Reasons why a container that waits will go on waiting until somebody changes something. */
const hopeless = new Set([
  'ImagePullBackOff',
  'ErrImagePull',
  'ErrImageNeverPull',
  'InvalidImageName',
  'RegistryUnavailable',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
])

/** How the process in a pod is doing. One that was started again counts as running once the pod is ready: its name is that
 *  of the process before it, and so would be the signs of life that were seen of that one. */
export function standing(pod: Pod, own: ContainerStatus | undefined, node: string, now: number): Standing {
  const waiting = own?.state?.waiting
  const ended = own?.state?.terminated ?? own?.lastState?.terminated
  const startedAt = own?.state?.running?.startedAt
  const failures = failuresOf(own, ended, now)
  const isProven = own === undefined || (own.restartCount === 0 && !own.state?.terminated) || own.ready
  const obstacle = obstacleOf(pod, waiting)
  return {
    phase: isProven ? 'running' : 'backoff',
    failures: waiting && hopeless.has(waiting.reason ?? '') ? Math.max(2, failures) : failures,
    ...(startedAt && { startedAt }),
    ...(ended && failures > 0 && { lastExit: exitOf(ended, node) }),
    ...(obstacle && { obstacle }),
  }
}

/** Ends in a row, each after a short life. */
function failuresOf(own: ContainerStatus | undefined, ended: Termination | undefined, now: number): number {
  if (!own || !ended) return 0
  const { running, terminated } = own.state ?? {}
  if (own.ready && running?.startedAt && now - Date.parse(running.startedAt) > healthyAfterMs) return 0
  const livedMs = Date.parse(ended.finishedAt ?? '') - Date.parse(ended.startedAt ?? '')
  if (livedMs > healthyAfterMs) return 1
  return Math.max(1, own.restartCount + (terminated ? 1 : 0))
}

function exitOf(ended: Termination, node: string): NonNullable<ObservedHost['lastExit']> {
  const lines = (ended.message ?? '').split('\n').filter(line => line !== '')
  return {
    at: ended.finishedAt ?? '',
    reason: reasonOf(ended),
    log: lines.slice(-logLines).map(line => logText(parseLine(line, node, ''))),
  }
}

function reasonOf({ reason, exitCode, signal }: Termination): string {
  if (reason === 'OOMKilled') return 'killed: it took more memory than it may'
  if (signal) return `killed by signal ${signal}`
  // Of a shell, and so of container runtimes.
  if (exitCode > 128) return `killed by signal ${exitCode - 128}`
  return reason === 'Error' || reason === 'Completed' || !reason
    ? `exit code ${exitCode}`
    : `${reason}, exit code ${exitCode}`
}

function obstacleOf({ status }: Pod, waiting: { reason?: string; message?: string } | undefined) {
  if (waiting && hopeless.has(waiting.reason ?? ''))
    return `its container cannot start: ${waiting.reason}${waiting.message ? `: ${waiting.message}` : ''}`
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled')
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable')
    return `no node can take it: ${scheduled.message ?? 'the scheduler does not say why'}`
  return undefined
}
