export interface Reading {
  room: string
  celsius: number
}

export default function parse({ room, celsius }: Reading): Reading {
  if (!room || !Number.isFinite(celsius)) throw new TypeError('a reading needs room and celsius')
  return { room, celsius }
}
