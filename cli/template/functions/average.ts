import type { Context } from 'dyninka'
import type { Reading } from './measure.ts'

export interface Average {
  room: string
  mean: number
}

interface Shape {
  state: { recent: number[] }
  outputs: { hot: Average }
}

/** The mean of the last ten readings of each room; a hot room also goes to the output `hot`. */
export default function average({ room, celsius }: Reading, ctx: Context<Shape>): Average {
  ctx.state ??= { recent: [] }
  const recent = [...ctx.state.recent, celsius].slice(-10)
  ctx.state.recent = recent
  const mean = Math.round((recent.reduce((sum, c) => sum + c, 0) / recent.length) * 10) / 10
  if (mean > 24) ctx.emit('hot', { room, mean })
  return { room, mean }
}
