/** One day as the weather station sends it. */
interface Row {
  date: string
  precipitation: number
  temp_max: number
  temp_min: number
  wind: number
}

export interface Day {
  date: string
  high: number
  low: number
  rain: number
  wind: number
}

export default function parse(row: Row): Day {
  if (typeof row.temp_max !== 'number') throw new TypeError(`temp_max is missing: ${JSON.stringify(row)}`)
  return { date: row.date, high: row.temp_max, low: row.temp_min, rain: row.precipitation, wind: row.wind }
}
