import type { Average } from './average.ts'

export default function alarm({ room, celsius }: Average): string {
  return `${room} is too hot: ${celsius} °C on average`
}
