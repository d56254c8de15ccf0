import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Nudge } from '../runtime/nudge.ts'

const Nudges = suite('nudges')

function counted() {
  let sent = 0
  const nudge = new Nudge(() => {
    sent += 1
    nudge.sent()
  })
  return { nudge, sent: () => sent }
}

Nudges('leave at the end of a turn that has heard something and sent nothing', async () => {
  const { nudge, sent } = counted()
  nudge.heard(performance.now())
  nudge.heard(performance.now())
  assert.is(sent(), 0)
  await turn()
  assert.is(sent(), 1)
  nudge.heard(performance.now())
  nudge.sent()
  await sleep(5)
  assert.is(sent(), 1)
})

Nudges('come at once for some messages in a row, then at a pace', async () => {
  const { nudge, sent } = counted()
  const start = performance.now()
  for (let i = 0; i < 8; i++) {
    nudge.heard(performance.now())
    await turn()
  }
  assert.is(sent(), 8)
  while (performance.now() < start + 100) {
    nudge.heard(performance.now())
    await turn()
  }
  const ms = performance.now() - start
  assert.ok(sent() > 10 && sent() <= 8 + ms / 0.25 + 1, `${sent()} in ${ms} ms`)
})

Nudges('do not come after the end', async () => {
  const { nudge, sent } = counted()
  nudge.heard(performance.now())
  nudge.close()
  await sleep(5)
  assert.is(sent(), 0)
})

Nudges.run()
