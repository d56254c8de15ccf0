import { dataflow, type TestDataflow } from 'dyninka/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import advise from '../functions/advise.ts'

const Weather = suite<{ flow: TestDataflow }>('weather')

Weather.before.each(async context => {
  context.flow = await dataflow(new URL('..', import.meta.url))
})
Weather.after.each(({ flow }) => flow.close())

const row = {
  date: '2012-01-02',
  precipitation: 10.9,
  temp_max: 10.6,
  temp_min: 2.8,
  wind: 4.5,
  weather: 'rain',
}

Weather('turns a day of observations into advice', async ({ flow }) => {
  const { advice } = await flow.run({ station: [row] })
  assert.match(String(advice?.[0]), /^2012-01-02: 2.8 to 10.6 °C. Take /)
})

Weather('sets a day without temperature aside and goes on', async ({ flow }) => {
  const { advice } = await flow.run({ station: [{ date: '2012-01-01' }, row] })
  assert.is(advice?.length, 1)
  assert.is(flow.dead.length, 1)
})

Weather('calls for an umbrella above 1 mm of rain', () => {
  const day = { date: '2012-06-01', high: 20, low: 10, rain: 1, wind: 3 }
  assert.is(advise(day).advice, 'Enjoy the day.')
  assert.match(advise({ ...day, rain: 1.1 }).advice, /^Take /)
})

Weather.run()
