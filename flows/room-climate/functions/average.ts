import type { Context } from 'dyninka'
import type { Reading } from './parse.ts'

export interface Average {
  room: string
  celsius: number
}

type Room = Context<{ state: number[]; outputs: { hot: Average } }>

const READINGS = 3

/** The mean of a room's last readings. Hot rooms also go to the output `hot`. */
export default function average({ room, celsius }: Reading, ctx: Room): Average {
  const last = [...(ctx.state ?? []), celsius].slice(-READINGS)
  ctx.state = last

  const mean = last.reduce((sum, each) => sum + each, 0) / last.length
  const average = { room, celsius: Math.round(mean * 10) / 10 }
  if (average.celsius > Number(ctx.env.HOT)) ctx.emit('hot', average)
  return average
}
