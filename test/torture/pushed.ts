import { setTimeout as sleep } from 'node:timers/promises'
import type { Dataflow } from './dataflow.ts'
import type { Action, inner, Target } from './schedule.ts'

type Inner = (typeof inner)[number]
type Pushed = Action & { kind: 'move' | 'scale' | 'update' | 'broken' | 'stall' | 'repartition' | 'rewire' }

/** Pushes what an action changes in the dataflow; what it breaks it mends after a while. @returns each commit */
export async function* pushed(dataflow: Dataflow, action: Pushed): AsyncGenerator<string> {
  switch (action.kind) {
    case 'move':
      return yield dataflow.change(flow => {
        flow[of(action)].zone = action.zone
      })
    case 'scale':
      return yield dataflow.change(flow => {
        flow[of(action)].min = action.min
      })
    case 'update':
      return yield dataflow.change((flow, all) => {
        if (action.what === 'shared') return all.shared()
        const settings = flow[of(action)]
        if (action.what === 'code') settings.version += 1
        if (action.what === 'env') settings.env += 1
        if (action.what === 'concurrency') settings.concurrency = 1 + (settings.concurrency % 4)
      })
    case 'broken':
      yield dataflow.change(flow => {
        const settings = flow[of(action)]
        settings.version += 1
        settings.fault = action.how
      })
      await sleep(action.ms)
      return yield dataflow.change(flow => {
        flow[of(action)].fault = 'none'
      })
    case 'stall': {
      const until = Date.now() + action.ms
      yield dataflow.change(flow => {
        flow[of(action)].stallUntil = until
      })
      return void (await sleep(until - Date.now()))
    }
    case 'repartition':
      return yield dataflow.change(flow => {
        flow[of(action)].partitions = action.max
      })
    case 'rewire':
      return yield dataflow.change((_, all) => all.spy())
  }
}

const of = ({ target }: { target: Target }) => target as Inner
