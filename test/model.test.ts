import { suite } from 'uvu'
import { protocol } from './model/protocol.ts'
import { checks } from './model/suite.ts'
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
    isPrompt: true,
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
    isPrompt: true,
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

checks<Scenario, keyof typeof scenarios, Mistake>(Model, {
  model: protocol,
  scenarios,
  mistakes: {
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
    'streams changed in flight': ['a change of streams, two crashes', /a\.1 took effect twice/],
  },
})

Model.run()
