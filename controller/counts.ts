import type { FlowView } from './broker/flow-view.ts'
import type { Context } from './context.ts'
import type { Dataflow } from './dataflow.ts'
import { Traffic } from './traffic.ts'
import type { TrafficFiles } from './traffic-files.ts'

const telemetryMs = 1_000

/** What flowed, by dataflow: counts of hosts that are gone, too. */
export class Counts {
  #files: TrafficFiles
  #context: Pick<Context, 'log' | 'emit'>
  #traffic = new Map<string, Traffic>()
  /** By flow: where its counts come from. */
  #views = new Map<string, FlowView>()

  constructor(files: TrafficFiles, context: Pick<Context, 'log' | 'emit'>) {
    this.#files = files
    this.#context = context
  }

  of(flow: string): Traffic {
    const traffic = this.#traffic.get(flow) ?? new Traffic(this.#files.read(flow))
    this.#traffic.set(flow, traffic)
    return traffic
  }

  /** After each pass. */
  count({ name, last }: Dataflow, view: FlowView | undefined): void {
    if (!view) return
    this.#views.set(name, view)
    const traffic = this.of(name)
    const living = new Set(last!.observed.hosts.map(({ id }) => id))
    if (traffic.retire(view, living)) this.#save(name, view)
    for (const [of, total] of traffic.deadLetters()) {
      const count = traffic.unread.news(of, total)
      if (count !== undefined) this.#context.emit({ type: 'dead-letters', flow: name, function: of, count })
    }
  }

  /** Dead letters were replayed or dropped. @param node all when left out @param count all when left out */
  lettersRead(flow: string, node?: string, count?: number): void {
    const traffic = this.#traffic.get(flow)
    const read = () => {
      for (const [name, total] of traffic?.deadLetters() ?? [])
        if (node === undefined || node === name) traffic!.unread.read(name, total, count)
    }
    read()
    // The last of them may not be in the telemetry yet.
    if (count === undefined) setTimeout(read, 2 * telemetryMs).unref()
  }

  forget(flow: string): void {
    this.#views.delete(flow)
    this.#traffic.delete(flow)
    this.#files.remove(flow)
  }

  /** Writes down what was counted. What hosts count that end while no controller runs is lost from the last time on. */
  save(): void {
    for (const [flow, view] of this.#views) this.#save(flow, view)
  }

  /** What can't be written now is written the next time: it is all still here. */
  #save(flow: string, view: FlowView) {
    try {
      this.#files.save(flow, this.of(flow).record(view))
    } catch (err) {
      this.#context.log.warn({ err, flow }, 'counts could not be saved')
    }
  }
}
