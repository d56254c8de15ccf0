import type { Draft } from '../draft.ts'
import type { Finding } from '../finding.ts'
import { below } from '../yaml-document.ts'

type Fault = [code: string, message: string, hint: string]

/** Topics and filters follow MQTT 3.1.1 [4.7], and keep clear of what the data plane uses. */
export function topics(draft: Draft): Finding[] {
  return [...draft.entries.values()].flatMap(entry => {
    if (entry.kind === 'function' || entry.spec.mqtt === undefined) return []
    const { mqtt, broker } = entry.spec
    const fault =
      illFormed(mqtt) ??
      (entry.kind === 'source' ? badFilter(mqtt, broker !== undefined) : badTopic(mqtt)) ??
      reserved(mqtt)
    return fault ? draft.at(below(entry.pointer, 'mqtt'), ...fault) : []
  })
}

function illFormed(text: string): Fault | undefined {
  if (Buffer.byteLength(text) > 65_535)
    return ['bad-topic', 'This topic is longer than MQTT can carry.', 'Shorten it.']
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what brokers close the connection for
  if (/[\u0000-\u001f\u007f]/.test(text)) {
    return ['bad-topic', 'This topic holds a control character.', 'Take it out.']
  }
}

function badTopic(topic: string): Fault | undefined {
  if (/[+#]/.test(topic)) {
    const hint = 'Write one topic. To choose a topic by record, use several sinks on named outputs.'
    return ['wildcard-in-topic', `A sink publishes on one topic, but \`${topic}\` has a wildcard.`, hint]
  }
  if (topic.startsWith('$')) {
    return [
      'reserved-topic',
      `Topics that start with $, as \`${topic}\`, belong to the broker.`,
      'Leave the $ out.',
    ]
  }
}

function badFilter(filter: string, elsewhere: boolean): Fault | undefined {
  if (filter.startsWith('$share/')) {
    const hint = 'Subscribe to the topic itself, and let `scale` of the function share the work.'
    return ['shared-subscription', 'Shared subscriptions ($share/…) lose records when a member dies.', hint]
  }
  const levels = filter.split('/')
  const hash = levels.findIndex(level => level.includes('#'))
  if (hash !== -1 && (levels[hash] !== '#' || hash < levels.length - 1)) {
    const before = [...levels.slice(0, hash), '#'].join('/')
    return [
      'bad-filter',
      `\`#\` must be the last level, alone, but it isn't in \`${filter}\`.`,
      `Write \`${before}\`.`,
    ]
  }
  const plus = levels.find(level => level.includes('+') && level !== '+')
  if (plus !== undefined) {
    const hint = 'Give it a level of its own between slashes, as in `sensors/+/temperature`.'
    return ['bad-filter', `\`+\` stands for a whole level, but it is part of \`${plus}\`.`, hint]
  }
  if (!elsewhere && seesOwnTopics(levels)) {
    const hint = 'Name the first level, as in `sensors/#`.'
    return ['reserved-topic', `\`${filter}\` would also read what this dataflow itself sends.`, hint]
  }
}

function reserved(text: string): Fault | undefined {
  if (text !== 'dyninka' && !text.startsWith('dyninka/')) return
  return ['reserved-topic', 'Topics under dyninka/ carry the dataflow itself.', 'Choose another first level.']
}

const kinds = ['data', 'credit', 'state', 'dead', 'replay', 'telemetry', 'wiring', 'hosts', '+']

/** Whether a filter that starts with a wildcard reaches `dyninka/<flow>/<kind>/…`. */
function seesOwnTopics([first, second, third, ...rest]: string[]): boolean {
  if (first === '#') return true
  if (first !== '+') return false
  return second === '#' || third === '#' || (kinds.includes(third ?? '') && rest.length > 0)
}
