import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { explore } from './model/explore.ts'
import { protocol } from './model/protocol.ts'
import type { Mistake, Scenario } from './model/world.ts'

const Model = suite('model of the protocol')

const scenarios = {
  'two records of one key, a crash': {
    records: {
      a: [
        ['x', 'add'],
        ['x', 'add'],
      ],
    },
    takeovers: 1,
  },
  'three records of two keys, two crashes': {
    records: {
      a: [
        ['x', 'add'],
        ['y', 'add'],
        ['x', 'add'],
      ],
    },
    takeovers: 2,
  },
  'two producers, a crash': {
    records: {
      a: [
        ['x', 'add'],
        ['y', 'add'],
      ],
      b: [['x', 'add']],
    },
    takeovers: 1,
  },
  'a producer that sends a frame again, two crashes': {
    records: {
      a: [
        ['x', 'add'],
        ['y', 'add'],
      ],
    },
    takeovers: 2,
    repeats: 1,
  },
  'a state that stays, and is changed by another producer': {
    records: {
      a: [
        ['x', 'set 1'],
        ['x', 'set 1'],
      ],
      b: [['x', 'set 2']],
    },
    takeovers: 2,
  },
  'a state that changes, and comes back to what it was': {
    records: {
      a: [
        ['x', 'set 1'],
        ['x', 'set 2'],
        ['x', 'set 1'],
      ],
      b: [['x', 'set 3']],
    },
    takeovers: 1,
  },
  'a key that is deleted and made again, two crashes': {
    records: {
      a: [
        ['x', 'three'],
        ['x', 'three'],
        ['x', 'three'],
        ['x', 'three'],
      ],
    },
    takeovers: 2,
  },
  'timers of two keys, two crashes': {
    records: {
      a: [
        ['x', 'timer'],
        ['y', 'timer'],
      ],
    },
    takeovers: 2,
  },
  'a timer among records of its key, two crashes': {
    records: {
      a: [
        ['x', 'timer'],
        ['x', 'add'],
      ],
    },
    takeovers: 2,
  },
  'a change of streams, two crashes': {
    records: {
      a: [
        ['x', 'add'],
        ['x', 'add'],
      ],
    },
    takeovers: 2,
    rewire: true,
  },
  'a source that crashes': {
    records: {
      a: [
        ['x', 'add'],
        ['x', 'add'],
      ],
    },
    takeovers: 1,
    sourceCrashes: 1,
  },
} satisfies Record<string, Scenario>

for (const [name, scenario] of Object.entries(scenarios)) {
  Model(`each record takes effect once, whatever comes first: ${name}`, () => {
    const { states, failure } = explore(protocol(scenario as Scenario))
    assert.is(failure, undefined, failure && said(failure))
    assert.ok(states > 100, `${states} states are too few to mean anything`)
  })
}

/** Where each mistake shows, what it does, and how long the shortest way to it is. */
const mistakes: Record<Mistake, [where: keyof typeof scenarios, problem: RegExp]> = {
  'ack before cursor': ['two records of one key, a crash', /a\.2 saw another state/],
  'ack before state': ['two records of one key, a crash', /a\.2 saw another state/],
  'cursor before state': ['two records of one key, a crash', /a\.2 saw another state/],
  'state before outputs': ['three records of two keys, two crashes', /a\.3 never took effect/],
  'the former owner reconnects': ['two records of one key, a crash', /a\.2 saw another state/],
  'the former owner is not refused': ['two records of one key, a crash', /the state of x is "a\.1 "/],
  'ids restart after a crash': ['a source that crashes', /a\.2 never took effect/],
  'ids compared across lanes': ['two producers, a crash', /b\.1 never took effect/],
  'ids given on arrival': ['two records of one key, a crash', /a\.1 took effect twice/],
  'key state without includes': ['two records of one key, a crash', /the state of x is "a\.1 a\.2 a\.2 "/],
  'includes told by commit number': [
    'three records of two keys, two crashes',
    /the state of x is "a\.1 a\.3 a\.3 "/,
  ],
  'includes forgotten once the value is stored': [
    'a state that changes, and comes back to what it was',
    /the state of x is "1"/,
  ],
  'includes only what changed the value': [
    'a state that stays, and is changed by another producer',
    /the state of x is "1"/,
  ],
  'keys counted by commit number': [
    'a key that is deleted and made again, two crashes',
    /a\.4 saw another state/,
  ],
  'deleted keys cleared before the cursor covers them': [
    'a key that is deleted and made again, two crashes',
    /waits for a key/,
  ],
  'timer fired without stored assignment': ['timers of two keys, two crashes', /timer\.y never took effect/],
  'timer fired beside records of its key': [
    'a timer among records of its key, two crashes',
    /timer\.x saw another state/,
  ],
  'timer fired before redelivered records': [
    'a timer among records of its key, two crashes',
    /timer\.x saw another state/,
  ],
  'streams changed in flight': ['a change of streams, two crashes', /a\.1 took effect twice/],
}

for (const [mistake, [where, problem]] of Object.entries(mistakes)) {
  Model(`finds the mistake: ${mistake}`, () => {
    const { failure } = explore(protocol(scenarios[where], mistake as Mistake))
    assert.ok(failure, 'nothing was found')
    console.log(`\n${mistake}: ${said(failure)}`)
    assert.match(failure.problem, problem)
  })
}

const said = ({ problem, trace }: { problem: string; trace: string[] }) =>
  `${problem}\n${trace.map(step => `  ${step}`).join('\n')}`

Model.run()
