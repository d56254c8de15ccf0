import { type Figure, Span } from './figure.ts'
import { atOf, type TelemetryFile, type TelemetryHeader } from './file.ts'
import { Gathered } from './gathered.ts'
import type { FunctionFigures, HostFigures } from './snapshot.ts'
import { type FunctionWindow, given, type Window } from './window.ts'

/** What a host of each function, source and sink takes, on all nodes and on each. */
export function functionsOf({ header, windows }: TelemetryFile): FunctionFigures[] {
  const at = atOf(header)
  const hostsOf = Map.groupBy(header.hosts, host => host.function)
  return header.graph.map(({ name, kind }) => {
    const all = new HostsGathered(at)
    const byNode = new Map<string, HostsGathered>()
    for (const window of windows) {
      for (const [node, figures] of Object.entries(window.functions[name] ?? {})) {
        const own = byNode.get(node) ?? new HostsGathered(at)
        byNode.set(node, own)
        for (const gathered of [all, own]) gathered.add(window, figures)
      }
    }
    return {
      name,
      kind,
      hosts: placesOf(hostsOf.get(name) ?? [], header.nodes),
      ...all.figures,
      byNode: Object.fromEntries([...byNode].map(([node, { figures }]) => [node, figures])),
    }
  })
}

function placesOf(
  hosts: TelemetryHeader['hosts'],
  nodes: TelemetryHeader['nodes'],
): FunctionFigures['hosts'] {
  const counts = new Map<string, number>()
  for (const { node } of hosts) counts.set(node, (counts.get(node) ?? 0) + 1)
  return [...counts].map(([node, count]) => ({
    node,
    ...given('zone', nodes.find(each => each.name === node)?.zone),
    hosts: count,
  }))
}

class HostsGathered {
  #cpu: Gathered
  #memory: Gathered
  #stored: Gathered
  #busy: Gathered
  #handling: Span
  #calls = 0
  #handlerMs = 0

  constructor(at: number) {
    this.#cpu = new Gathered(at)
    this.#memory = new Gathered(at)
    this.#stored = new Gathered(at)
    this.#busy = new Gathered(at)
    this.#handling = new Span(at)
  }

  add(
    window: Window,
    { cpuMillis, residentBytes, storedBytes, busy, calls, handlerMs }: FunctionWindow,
  ): void {
    this.#stored.add(window, storedBytes)
    this.#cpu.add(window, cpuMillis)
    this.#memory.add(window, residentBytes)
    this.#busy.add(window, busy)
    if (calls === 0) return
    this.#handling.add(window)
    this.#calls += calls
    this.#handlerMs += handlerMs
  }

  get figures(): HostFigures {
    return {
      ...given('cpuMillis', this.#cpu.figure),
      ...given('memoryBytes', this.#memory.figure),
      ...given('storedBytes', this.#stored.figure),
      ...given('busy', this.#busy.figure),
      ...given('handlerMs', this.#handlerFigure),
    }
  }

  get #handlerFigure(): Figure | undefined {
    if (this.#calls === 0) return undefined
    return this.#handling.figure(this.#handlerMs / this.#calls, this.#calls)
  }
}
