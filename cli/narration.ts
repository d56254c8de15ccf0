import type { ControllerEvent } from '../controller/options.ts'
import { deadText } from './dead/count.ts'
import { findingsText } from './finding-text.ts'
import { troubleText } from './log-text.ts'
import { paint } from './paint.ts'
import { Progress } from './progress.ts'
import { short } from './status/text.ts'

/** Tells people what a controller does, a line or a few for each event that matters to them. */
export class Narration {
  /** By dataflow: what was done since it was last ready. */
  readonly #built = new Map<string, string[]>()
  readonly #swapped = new Map<string, string[]>()
  #progress: Progress | undefined
  readonly #troubles = new Set<string>()

  /** Prints what is no event, beside the line that tells of a long build. */
  print(text: string): void {
    this.#progress?.pause()
    console.log(text)
  }

  tell(event: ControllerEvent): string | undefined {
    this.#progress?.[Symbol.dispose]()
    switch (event.type) {
      case 'broker':
        return paint('dim', `broker ${event.url}${event.adopted ? ' (was running already)' : ''}`)
      case 'fetched':
        // A folder has a new revision with every save; what comes of it tells enough.
        this.#troubles.clear()
        if (event.message === '') return undefined
        return `${paint('cyan', '●')} ${short(event.revision)} ${event.message}`
      case 'source-failed':
        return this.#failed(event.message, event.hint)
      case 'pass-failed':
      case 'report-failed':
        return this.#failed(`${event.flow}: ${event.message}`, event.hint)
      case 'findings':
        return `${cross} ${short(event.revision)} is refused, what runs keeps running:\n${findingsText(event.findings, event.folder)}`
      case 'building':
        this.#progress = new Progress(`Building ${event.flow}`)
        return undefined
      case 'installing':
        this.#progress = new Progress(`Building ${event.flow}: ${event.message}`)
        return undefined
      case 'built':
        if (event.reused) return undefined
        remember(this.#built, event.flow, event.function)
        return paint('dim', `  built ${event.function} in ${event.ms.toFixed(0)} ms`)
      case 'build-failed':
        return `${cross} ${event.function} can not be built, its last good code keeps running:\n${findingsText(event.findings)}`
      case 'started':
        return paint('dim', `  started ${event.function}`)
      case 'swapped':
        remember(this.#swapped, event.flow, event.function)
        return paint('dim', `  swapped ${event.function} for its generation ${event.generation}`)
      case 'scaled':
        return paint('dim', `  ${event.function} ${event.reason}`)
      case 'relocated':
        return paint(
          'dim',
          `  ${event.function} ${event.stays ? 'stays in' : 'goes to'} ${event.to}: ${event.reason}`,
        )
      case 'stopped':
        return undefined
      case 'suggested':
        return `${paint('cyan', '●')} ${event.flow}: pull request ${event.state}, ${event.url}`
      case 'failed':
        return `${cross} ${event.function}: ${troubleText(event.message)}`
      case 'pinned':
        return `${cross} ${event.function} stays what it was before ${short(event.revision)}, whose code did not start; a commit that changes it is tried. ${troubleText(event.message)}`
      case 'dead-letters':
        return `${warning} ${deadText(event.function, event.count)}`
      case 'waiting':
        return `${warning} ${paint('bold', event.flow)} is not ready after ${seconds(event.ms)}: ${troubleText(event.message)}`
      case 'ready':
        return this.#ready(event)
      case 'pruned':
        return paint('dim', `  removed ${event.function ?? event.flow}`)
    }
  }

  /** Said once, however often it is tried again. */
  #failed(message: string, hint: string | undefined): string | undefined {
    if (this.#troubles.has(message)) return undefined
    this.#troubles.add(message)
    return `${warning} ${short(message)}${hint ? `\n  ${paint('cyan', '→')} ${hint}` : ''}`
  }

  #ready({ flow, ms }: { flow: string; ms: number }): string {
    this.#troubles.clear()
    const done = [
      ['built', this.#built.get(flow)],
      ['swapped', this.#swapped.get(flow)],
    ].flatMap(([verb, names]) => (names ? [`${verb} ${listed(names as string[])}`] : []))
    this.#built.delete(flow)
    this.#swapped.delete(flow)
    const what = done.length > 0 ? `: ${done.join('; ')}` : ''
    return `${paint('green', '✓')} ${paint('bold', flow)} is ready after ${seconds(ms)}${what}`
  }
}

/** Names while they are few, else how many. */
const listed = (names: string[]) => (names.length > MANY ? `${names.length} functions` : names.join(', '))
const MANY = 8

const cross = paint('red', '✗')
const warning = paint('yellow', '!')

const seconds = (ms: number) => `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 0)} s`

function remember(lists: Map<string, string[]>, flow: string, name: string) {
  const names = lists.get(flow) ?? []
  if (!names.includes(name)) names.push(name)
  lists.set(flow, names)
}
