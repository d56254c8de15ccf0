import type { KubernetesClient } from '../../kubernetes/client.ts'
import { pause } from '../../kubernetes/exchange.ts'
import { parseLine } from '../log-line.ts'
import type { LogLine, LogOptions } from '../orchestrator.ts'
import { container } from './names.ts'

export interface LoggingPod {
  name: string
  node: string
}

interface Source {
  client: KubernetesClient
  namespace: string
  /** Those that there are now. */
  pods(): LoggingPod[]
  /** Resolves when there may be others, or soon. */
  changed(signal: AbortSignal): Promise<void>
}

interface Stamped {
  line: LogLine
  /** RFC 3339, with nine digits of a second: text compares as time does. */
  stamp: string
}

const retryMs = 1_000

/** The last lines of all pods, by time, then what they write from now on; pods that come are followed, too. */
export async function* followPods(
  source: Source,
  { follow, lines, signal }: LogOptions,
): AsyncIterable<LogLine> {
  const last = new Map<string, string>()
  const tails = await Promise.all(
    source.pods().map(async pod => {
      const tail: Stamped[] = []
      try {
        for await (const line of read(source, pod, { tailLines: lines, signal })) tail.push(line)
      } catch {} // it has none yet, or its node doesn't answer
      const end = tail.at(-1)
      if (end) last.set(pod.name, end.stamp)
      return tail
    }),
  )
  const recent = tails.flat().toSorted((a, b) => (a.stamp < b.stamp ? -1 : 1))
  yield* (lines === 0 ? [] : recent.slice(-lines)).map(({ line }) => line)
  if (!follow) return

  const queue: LogLine[] = []
  let wake = () => {}
  const followed = new Set<string>()
  const keepUp = async (pod: LoggingPod) => {
    while (!signal.aborted && source.pods().some(({ name }) => name === pod.name)) {
      try {
        const since = last.get(pod.name)
        for await (const { line, stamp } of read(source, pod, { follow, signal, ...(since && { since }) })) {
          if (stamp <= (last.get(pod.name) ?? '')) continue
          last.set(pod.name, stamp)
          queue.push(line)
          wake()
        }
      } catch {} // it is starting, or going, or its node doesn't answer for a while
      await pause(retryMs, signal).catch(() => {})
    }
    followed.delete(pod.name)
    last.delete(pod.name)
  }
  const watch = async () => {
    while (!signal.aborted) {
      for (const pod of source.pods()) {
        if (followed.has(pod.name)) continue
        followed.add(pod.name)
        void keepUp(pod)
      }
      await source.changed(signal).catch(() => {})
    }
    wake()
  }
  void watch()
  while (!signal.aborted) {
    while (queue.length > 0) yield queue.shift()!
    await new Promise<void>(resolve => {
      wake = resolve
      if (queue.length > 0 || signal.aborted) resolve()
    })
  }
}

async function* read(
  { client, namespace }: Source,
  { name, node }: LoggingPod,
  options: { follow?: boolean; tailLines?: number; since?: string; signal: AbortSignal },
): AsyncIterable<Stamped> {
  const { since, ...rest } = options
  const request = { container, timestamps: true, ...(since && { sinceTime: since }), ...rest }
  for await (const text of client.logs({ name, namespace }, request)) {
    const space = text.indexOf(' ')
    const stamp = text.slice(0, space)
    yield { stamp, line: parseLine(text.slice(space + 1), node, name, Date.parse(stamp)) }
  }
}
