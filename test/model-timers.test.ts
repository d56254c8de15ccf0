import { suite } from 'uvu'
import { due } from './model/due.ts'
import type { Scenario, TimerMistake } from './model/due-world.ts'
import { checks } from './model/suite.ts'

const Timers = suite('model of timers')

const scenarios = {
  'a timer that is set anew': {
    records: [
      ['x', { timer: 1 }],
      ['x', { timer: 2 }],
    ],
    late: 1,
    takeovers: 1,
  },
  'a timer that is set to the same instant once more': {
    records: [
      ['x', { timer: 1 }],
      ['x', { timer: 1 }],
    ],
    late: 1,
    takeovers: 1,
  },
  'a timer that is cleared, two crashes': {
    records: [
      ['x', { timer: 1 }],
      ['x', 'clear'],
    ],
    late: 1,
    takeovers: 2,
  },
  'a timer that is changed there and back': {
    records: [
      ['x', { timer: 1 }],
      ['x', 'clear'],
      ['x', { timer: 1 }],
    ],
    late: 1,
    takeovers: 1,
  },
  'timers of two keys': {
    records: [
      ['x', { timer: 1 }],
      ['y', { timer: 1 }],
    ],
    takeovers: 1,
  },
} satisfies Record<string, Scenario>

const anew = 'a timer that is set anew'
const cleared = 'a timer that is cleared, two crashes'

checks<Scenario, keyof typeof scenarios, TimerMistake>(Timers, {
  model: due,
  scenarios,
  mistakes: {
    'numbers begin anew with each owner': [anew, /the timer of x never fired/],
    'numbers are told before they are reserved': [anew, /the timer of x never fired/],
    'what was set before is not told again': [anew, /the timer of x never fired/],
    'what is due has no place among the records': [cleared, /while the timer of x was set to nothing/],
    'a timer fires whatever is set now': [anew, /timer\.x@1 took effect while the timer of x was set to 2/],
    'a timer that was told twice fires twice': [cleared, /while the timer of x was set to nothing/],
    'what a key includes is forgotten': [anew, /r2 saw another state/],
  },
})

Timers.run()
