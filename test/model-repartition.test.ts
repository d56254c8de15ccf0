import { suite } from 'uvu'
import { repartition } from './model/repartition.ts'
import type { Mistake, Scenario } from './model/repartition-world.ts'
import { checks } from './model/suite.ts'

const Repartition = suite('model of a change of partitions')

const scenarios = {
  'one becomes two, and an owner dies': { from: 1, to: 2, records: { a: ['x', 'y'] }, takeovers: 1 },
  'two become one, and an owner dies': { from: 2, to: 1, records: { a: ['x', 'y'] }, takeovers: 1 },
  'records of two producers': { from: 2, to: 1, records: { a: ['x'], b: ['x', 'y'] } },
  'producer and controller die': {
    from: 1,
    to: 2,
    records: { a: ['x'] },
    producerCrashes: 1,
    controllerCrashes: 1,
  },
  'a timer that is due meanwhile, and an owner dies': {
    from: 1,
    to: 2,
    records: { a: ['x!'] },
    takeovers: 1,
  },
  'timers of two partitions': { from: 2, to: 1, records: { a: ['x!', 'y!'] } },
  'a host that slept through the change before': { from: 2, to: 1, records: { a: ['x', 'x'] }, sleepers: 1 },
  'one becomes two on a broker without order among topics, and an owner dies': {
    from: 1,
    to: 2,
    records: { a: ['x', 'y'] },
    takeovers: 1,
    unordered: true,
  },
  'records of two producers, and a timer, on such a broker': {
    from: 2,
    to: 1,
    records: { a: ['x!'], b: ['y'] },
    unordered: true,
  },
} satisfies Record<string, Scenario>

const split = 'one becomes two, and an owner dies'
const merge = 'two become one, and an owner dies'
const crashes = 'producer and controller die'
const timer = 'a timer that is due meanwhile, and an owner dies'
const unordered = 'one becomes two on a broker without order among topics, and an owner dies'
const sleeper = 'a host that slept through the change before'

checks<Scenario, keyof typeof scenarios, Mistake>(Repartition, {
  model: repartition,
  scenarios,
  mistakes: {
    'producers are told before the new sessions are open': [split, /a1, a2 never took effect/],
    'the new sessions are emptied once producers know them': [crashes, /a1 never took effect/],
    'the end is told before every producer has switched': [split, /a1, a2 never took effect/],
    'a producer without a host is not waited for': [crashes, /a1 never took effect/],
    'a partition ends while something is in flight': [split, /finds 1 keys, and its cursor counts 0/],
    'an ended partition goes on': [timer, /timer\.x took effect while no timer was set/],
    'the new partitions begin when one of the old has ended': [merge, /never took effect/],
    'the new partitions begin before their cursors are written': [
      split,
      /finds 1 keys, and its cursor counts 0/,
    ],
    'the old cursors go before the new ones are written': [crashes, /stuck while last is wired/],
    'new cursors know what one partition has finished': [merge, /finds 1 keys, and its cursor counts 2/],
    'new partitions count all keys': [split, /finds 0 keys, and its cursor counts 1/],
    'numbers of timers begin anew': ['timers of two partitions', /timer/],
    'a host that slept is let in': [sleeper, /another state/],
    'sessions to come do not say their round': [sleeper, /another state/],
    'a producer switches before what it sent is finished': [unordered, /never took effect/],
  },
})

Repartition.run()
