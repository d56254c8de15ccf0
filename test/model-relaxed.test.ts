import { suite } from 'uvu'
import { due } from './model/due.ts'
import type { RelaxedMistake, Scenario } from './model/due-world.ts'
import { checks } from './model/suite.ts'

const Relaxed = suite('model of records that wait for another attempt')

const scenarios = {
  'two keys, a failure, a crash': {
    records: [
      ['x', 'add'],
      ['y', 'add'],
    ],
    relaxed: true,
    takeovers: 1,
    failures: 1,
  },
  'a failure among records of its key and of another': {
    records: [
      ['x', 'add'],
      ['y', 'add'],
      ['x', 'add'],
    ],
    relaxed: true,
    takeovers: 1,
    failures: 1,
  },
  'two failures, a crash': { records: [['x', 'add']], relaxed: true, takeovers: 1, failures: 2 },
  'a record that comes behind the mark of an owner': {
    records: [['x', 'add']],
    late: 1,
    relaxed: true,
    takeovers: 2,
    failures: 1,
  },
  'a record that fails, and would set a timer': {
    records: [['x', { timer: 1 }]],
    relaxed: true,
    takeovers: 1,
    failures: 1,
  },
} satisfies Record<string, Scenario>

const two = 'two keys, a failure, a crash'
const three = 'a failure among records of its key and of another'

checks<Scenario, keyof typeof scenarios, RelaxedMistake>(Relaxed, {
  model: due,
  scenarios,
  mistakes: {
    'a record passes before the failure is named': [two, /r1 never took effect/],
    'a failure that was named is looked at again': [two, /r1 never took effect/],
    'what comes again is taken for new': [two, /r1 took effect twice/],
    'the mark of another owner is taken for its own': [
      'a record that comes behind the mark of an owner',
      /r1 took effect twice/,
    ],
    'attempts have the number of the record': [two, /r1 never took effect/],
    'a record passes one of its key that waits': [three, /r1 took effect out of order/],
    'what waits is kept in memory': [two, /never took effect/],
  },
})

Relaxed.run()
