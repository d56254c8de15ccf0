import { readFileSync } from 'node:fs'
import { dataflow, type TestDataflow } from 'dyninka/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Annotated } from '../functions/annotate.ts'
import knownDevices from '../functions/known-devices.ts'

const Etl = suite<{ flow: TestDataflow }>('etl')

Etl.before.each(async context => {
  context.flow = await dataflow(new URL('..', import.meta.url))
})
Etl.after.each(({ flow }) => flow.close())

const published = (flow: TestDataflow) => flow.sink<Annotated>('publish').values

Etl('joins the readings of a pack into one annotated observation', async ({ flow }) => {
  await flow.run({ gateways: read('seattle').slice(0, 1) })
  assert.equal(published(flow), [
    {
      device: 'seattle',
      time: 1356998400,
      values: { temp_max: 5, temp_min: -2.8, precipitation: 0, wind: 2.7 },
      estimated: [],
      city: 'Seattle',
      state: 'WA',
      latitude: 47.61,
      longitude: -122.33,
    },
  ])
})

Etl('takes a line of CSV as it takes a pack', async ({ flow }) => {
  await flow.run({ stations: ['New York,2013-01-01,0.0,5.0,-2.8,6.8,sun'] })
  const [observation] = published(flow)
  assert.equal(observation?.values, { precipitation: 0, temp_max: 5, temp_min: -2.8, wind: 6.8 })
  assert.is(observation?.city, 'New York')
})

Etl('fills what is missing or implausible with the mean of the last five', async ({ flow }) => {
  const highs = ['2', '4', '9999.9', '']
  await flow.run({ stations: highs.map((high, day) => `New York,2013-01-0${day + 1},0,${high},0,5,sun`) })
  assert.equal(
    published(flow).map(({ values }) => values.temp_max),
    [2, 4, 3, 3],
  )
  assert.equal(
    published(flow).map(({ estimated }) => estimated),
    [[], [], ['temp_max'], ['temp_max']],
  )
})

Etl('lets an observation go without the sensor that stays silent', async ({ flow }) => {
  const wind = (day: number) => [{ n: 'seattle/wind', v: day, t: 1356998400 + day * 86400 }]
  await flow.run({ gateways: Array.from({ length: 12 }, (_, day) => wind(day)) })
  assert.equal(
    published(flow).map(({ values }) => values),
    [{ wind: 0 }, { wind: 1 }],
  )
})

Etl('drops names of no known sensor, and sets none of them aside', async ({ flow }) => {
  await flow.run({ gateways: ['seattle/constructor', 'seattle'].map(n => [{ n, v: 1 }]) })
  assert.is(flow.sink('publish').length + flow.dead.length, 0)
})

Etl('lets only known devices pass', () => {
  const reading = { name: 'seattle/wind', device: 'seattle', sensor: 'wind', time: 0, value: 1 }
  assert.is(knownDevices(reading), reading)
  assert.is(knownDevices({ ...reading, device: 'test-bench' }), undefined)
})

Etl('sets malformed input aside and goes on', async ({ flow }) => {
  const [pack] = read('seattle')
  await flow.run({ gateways: [[{ n: 'seattle/wind' }], pack], stations: ['not,a,row'] })
  assert.is(published(flow).length, 1)
  assert.equal(flow.dead.map(letter => letter.function).sort(), ['parse', 'to-senml'])
})

Etl('turns three months of two stations into one observation a day', async ({ flow }) => {
  await flow.run({ gateways: read('seattle'), stations: read('new-york') })
  assert.is(published(flow).length, 180, 'the unknown device leaves nothing')
  for (const device of ['seattle', 'new-york']) {
    const observations = published(flow).filter(each => each.device === device)
    assert.is(observations.length, 90)
    assert.is(observations.filter(({ estimated }) => estimated.length > 0).length, 3)
  }
})

function read(name: string): unknown[] {
  const text = readFileSync(new URL(`../data/${name}.ndjson`, import.meta.url), 'utf8')
  return text
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
}

Etl.run()
