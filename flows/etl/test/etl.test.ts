import { readFileSync } from 'node:fs'
import { dataflow } from 'dyninka/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const Etl = suite('etl')

const start = () => dataflow(new URL('..', import.meta.url))
const read = (name: string) =>
  readFileSync(new URL(`../data/${name}.ndjson`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))

const seattle = {
  city: 'Seattle',
  state: 'WA',
  latitude: 47.61,
  longitude: -122.33,
}

Etl('joins the readings of a pack into one annotated observation', async () => {
  const flow = await start()
  const { publish } = await flow.run({ gateways: read('seattle').slice(0, 1) })
  assert.equal(publish, [
    {
      device: 'seattle',
      time: 1356998400,
      values: { temp_max: 5, temp_min: -2.8, precipitation: 0, wind: 2.7 },
      estimated: [],
      ...seattle,
    },
  ])
  await flow.close()
})

Etl('takes a line of CSV as it takes a pack', async () => {
  const flow = await start()
  const { publish } = await flow.run({ stations: ['New York,2013-01-01,0.0,5.0,-2.8,6.8,sun'] })
  assert.equal(publish?.[0].values, { precipitation: 0, temp_max: 5, temp_min: -2.8, wind: 6.8 })
  assert.is(publish?.[0].city, 'New York')
  await flow.close()
})

Etl('fills what is missing or implausible with the mean of the last five', async () => {
  const flow = await start()
  const day = (date: string, high: string) => `New York,${date},0,${high},0,5,sun`
  const { publish } = await flow.run({
    stations: [
      day('2013-01-01', '2'),
      day('2013-01-02', '4'),
      day('2013-01-03', '9999.9'),
      day('2013-01-04', ''),
    ],
  })
  assert.equal(
    publish?.map(each => each.values.temp_max),
    [2, 4, 3, 3],
  )
  assert.equal(
    publish?.map(each => each.estimated),
    [[], [], ['temp_max'], ['temp_max']],
  )
  await flow.close()
})

Etl('puts malformed input aside and goes on', async () => {
  const flow = await start()
  const { publish } = await flow.run({
    gateways: [[{ n: 'seattle/wind' }], ...read('seattle').slice(0, 1)],
    stations: ['not,a,line'],
  })
  assert.is(publish?.length, 1)
  assert.equal(flow.dead.map(letter => letter.function).sort(), ['parse', 'to-senml'])
  await flow.close()
})

Etl('turns three months of two stations into one observation a day', async () => {
  const flow = await start()
  const { publish } = await flow.run({ gateways: read('seattle'), stations: read('new-york') })
  for (const city of ['Seattle', 'New York']) {
    const observations = publish?.filter(each => each.city === city) ?? []
    assert.is(observations.length, 90)
    assert.is(observations.filter(each => each.estimated.length > 0).length, 3)
  }
  assert.is(publish?.length, 180, 'the unknown device leaves nothing')
  await flow.close()
})

Etl.run()
