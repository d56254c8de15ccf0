import type { Decision } from '../../schema/index.ts'

export type { Decision }

export const whereTo = ({ zone, node }: Decision) => (node === undefined ? `zone ${zone}` : `node ${node}`)
