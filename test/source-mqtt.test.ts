import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { SourceNode, SourceSpec } from '../schema/flow.ts'
import { intakeSessionId } from '../schema/topics.ts'
import { brokers, type TestBroker } from './support/brokers.ts'
import { type Rig, until } from './support/rig.ts'
import { breaks, closeAll, from, large, number, numbers, reportsOf, started } from './support/source-rig.ts'

for (const [name, start] of brokers) {
  const Sources = suite(`MQTT sources on ${name}`)
  let broker: TestBroker
  Sources.before(async () => {
    broker = await start()
  })
  // The end of a subscription deletes what waits for it there: it ends once nothing has come by it for a second.
  const endsQueues = name === 'nats'
  // It brings again, after 200 ms, what waits for a dataflow with no room.
  const identified = endsQueues ? { id: 'n' } : {}
  /** Changes what the source of a rig reads. */
  const reads = async (rig: Rig, spec: SourceSpec) => {
    const [node] = rig.flow.nodes as [SourceNode]
    node.spec = spec
    rig.unordered = endsQueues
    await rig.wire(2)
  }
  // These keep all on disk, and NATS brings one message at a time.
  const isSlow = ['nats', 'rabbitmq'].includes(name)
  const patienceMs = isSlow ? 60_000 : 10_000
  Sources.after.each(closeAll)
  Sources.after(() => broker.close())

  Sources('are taken up once more where their connection alone is lost', async () => {
    const { rig, heard } = await started(broker.url, 'lost', from('lost/in'))
    const report = await reportsOf(rig)
    const [host] = rig.hosts('in')
    const { takeovers } = report()
    rig.link(host!).sever(id => id === intakeSessionId(rig.flow.name, 'in'))
    await until(() => rig.hosting(host!).revision === 0, 'the loss')
    await rig.publish('lost/in', number(1))
    await until(() => rig.hosting(host!).revision > 0, 'the source back')
    await rig.publish('lost/in', number(2))
    await until(() => heard.length === 2, 'both records')
    // Those that are taken up again and again wait 1 s, then 2 s.
    await sleep(3_500)
    assert.is(rig.hosting(host!).revision, 1)
    assert.is(report().takeovers, takeovers + 1)
    assert.equal(numbers(heard), [1, 2])
  })

  Sources('have nothing under way once all is through, whatever was when the session was lost', async () => {
    const { rig, heard } = await started(broker.url, 'hand', from('hand/in'))
    const report = await reportsOf(rig)
    await rig.kill(rig.hosts('pass')[0]!)
    for (let n = 1; n <= 500; n++) await rig.publish('hand/in', large(n, 4_000))
    await until(() => report().inFlight > 0, 'records under way')
    rig.link(rig.hosts('in')[0]!).sever()
    await rig.host('pass')
    await until(() => numbers(heard).includes(500), 'the last record', patienceMs)
    await until(() => report().inFlight === 0, 'none under way')
  })

  Sources('read another topic, and no more the one before, without a takeover', async () => {
    const { rig, heard } = await started(broker.url, 'other', from('other/in'))
    const report = await reportsOf(rig)
    const { takeovers } = report()
    await reads(rig, from('another/in'))
    const [host] = rig.hosts('in')
    await until(() => rig.hosting(host!).revision === 2, 'the other topic')
    if (endsQueues) await sleep(2_000)
    await rig.publish('other/in', number(0))
    await rig.publish('another/in', number(1))
    await until(() => heard.length > 0, 'the record')
    await sleep(1_500)
    assert.is(rig.hosting(host!).revision, 2)
    assert.is(report().takeovers, takeovers)
    assert.equal(numbers(heard), [1])
  })

  Sources('also where no host ran meanwhile, and what had come by then is not lost', async () => {
    const { rig, heard } = await started(broker.url, 'away', from('away/in'))
    await rig.stop(rig.hosts('in')[0]!)
    await rig.publish('away/in', number(1))
    await reads(rig, from('elsewhere/in'))
    await rig.ready(await rig.host('in'))
    if (endsQueues) await sleep(2_000)
    await rig.publish('away/in', number(0))
    await rig.publish('elsewhere/in', number(2))
    await until(() => numbers(heard).includes(2), 'the record')
    assert.equal(numbers(heard), [1, 2])
  })

  for (const [where, isReplaced] of [
    ['', false],
    [', also by another host', true],
  ] as const)
    Sources(
      `read another topic once a full dataflow has room${where}: nothing is lost or repeated`,
      async () => {
        const topic = `held${isReplaced}`
        const { rig, heard } = await started(broker.url, topic, from(`${topic}/in`), identified)
        const report = await reportsOf(rig)
        await rig.kill(rig.hosts('pass')[0]!)
        const each = 500
        for (let n = 1; n <= each; n++) await rig.publish(`${topic}/in`, large(n, 4_000))
        await until(() => report().recordsIn > 0, 'records')
        await reads(rig, from(`${topic}/later`))
        await sleep(1_500)
        assert.ok(report().recordsIn < each, `${report().recordsIn} taken in`)
        await rig.host('pass')
        if (isReplaced) {
          await until(() => heard.length > 0, 'records to flow')
          await rig.stop(rig.hosts('in')[0]!)
          await rig.host('in')
        }
        await until(() => rig.hosting(rig.hosts('in')[0]!).revision === 2, 'the other topic')
        for (let n = each + 1; n <= 2 * each; n++) await rig.publish(`${topic}/later`, large(n, 4_000))
        await until(() => heard.length >= 2 * each, 'all records', patienceMs)
        const inOrder = endsQueues ? numbers(heard).sort((a, b) => a - b) : numbers(heard) // topics have none there
        assert.equal(breaks(inOrder), [])
      },
    )

  Sources('leave no session behind where something else is read', async () => {
    const { rig } = await started(broker.url, 'ticks', from('ticks/in'))
    await reads(rig, { type: 'every', intervalMs: 50 })
    const [host] = rig.hosts('in')
    await until(() => rig.hosting(host!).revision === 2, 'ticks')
    assert.is(await rig.hasSession(intakeSessionId(rig.flow.name, 'in')), false)
  })

  for (const [what, more] of [
    ['', {}],
    [', also where a field identifies them', { id: 'n' }],
  ] as const)
    Sources(`records are not repeated when a host stops and another goes on${what}`, async () => {
      const topic = `stop${more.id}`
      const { rig, heard } = await started(broker.url, topic, from(`${topic}/in`), more)
      const total = isSlow ? 400 : 4_000
      const sending = (async () => {
        for (let n = 1; n <= total; n++) await rig.publish(`${topic}/in`, number(n))
      })()
      for (let stop = 0; stop < 3; stop++) {
        const [host] = rig.hosts('in')
        const enough = heard.length + total / 20
        await until(() => heard.length > enough, 'records to flow')
        await rig.stop(host!)
        await rig.ready(await rig.host('in'))
      }
      await sending
      await until(() => numbers(heard).includes(total), 'the last record', patienceMs)
      assert.equal(breaks(numbers(heard)), [])
    })

  Sources.run()
}
