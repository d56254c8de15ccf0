import { suite } from 'uvu'
import { checks } from './model/suite.ts'
import { type Scenario as Crossed, type Mistake as CrossingMistake, crossing } from './model/zone-crossing.ts'
import { type Scenario as Read, type Mistake as SessionMistake, sessions } from './model/zone-sessions.ts'
import { type Scenario as Taken, type Mistake as TakeoverMistake, takeover } from './model/zone-takeover.ts'

const Takeover = suite('model of a takeover on two brokers')

const takeovers = {
  'three hosts that want the same': { records: 2, takeovers: 2 },
} satisfies Record<string, Taken>

const three = 'three hosts that want the same'

checks<Taken, keyof typeof takeovers, TakeoverMistake>(Takeover, {
  model: takeover,
  scenarios: takeovers,
  mistakes: {
    'what is stored is read before the session is taken over': [three, /saw another state/],
    'a new owner does not prove that it has the first session still': [three, /saw another state/],
    'who has lost a session takes it back': [three, /saw another state/],
  },
})

Takeover.run()

const Sessions = suite('model of a partition that reads by two brokers')

const read = {
  'a record from each, a crash': { records: { home: 1, edge: 1 }, takeovers: 1 },
  'a record from each, two crashes': { records: { home: 1, edge: 1 }, takeovers: 2 },
  'records from each, a crash': { records: { home: 2, edge: 1 }, takeovers: 1 },
  'a broker that is left, a crash': { records: { home: 1, edge: 1 }, takeovers: 1, leaves: true },
} satisfies Record<string, Read>

const each = 'a record from each, a crash'
const left = 'a broker that is left, a crash'

checks<Read, keyof typeof read, SessionMistake>(Sessions, {
  model: sessions,
  scenarios: read,
  mistakes: {
    'messages are taken as they come': [each, /edge1 saw another state/],
    'the session is changed while something is in flight': [each, /edge1 saw another state/],
    'the session is changed before its name is stored': [each, /home1 saw another state/],
    'a new owner begins with the session of its choice': [each, /home1 saw another state/],
    'a new owner leaves the session that is named before its mark': [each, /edge1 saw another state/],
    'the mark of another owner is taken for its own': [each, /edge1 saw another state/],
    'a broker is left before it is drained': [left, /edge1 never took effect/],
    'who is bound waits for a mark behind the wiring': [left, /stuck with messages in the session on home/],
  },
})

Sessions.run()

const Crossing = suite('model of an edge that changes its broker')

const crossed = {
  'a function, a crash': { records: 3, consumers: ['c'], crashes: 1 },
  'a source, two crashes': { records: 3, isSource: true, consumers: ['c'], crashes: 2 },
  'two consumers': { records: 2, consumers: ['c', 'd'], crashes: 0 },
} satisfies Record<string, Crossed>

const [fn, source] = ['a function, a crash', 'a source, two crashes'] as const

checks<Crossed, keyof typeof crossed, CrossingMistake>(Crossing, {
  model: crossing,
  scenarios: crossed,
  mistakes: {
    'a turn is not waited for': [fn, /c never got record 1/],
    'one consumer is waited for': ['two consumers', /d never got record 1/],
    'only what this owner sent is waited for': [fn, /c never got record 1/],
    'a turn is said before its number is stored': [source, /c never got record 1/],
    'the next broker is stored after the first record': [source, /c never got record 1/],
    'producers are told before consumers have subscribed': [fn, /c never got record 1/],
  },
})

Crossing.run()
