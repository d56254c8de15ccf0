import type { Flow, FunctionNode, SinkNode, SourceNode } from '../../schema/flow.ts'

/** Chains of a hundred functions, of one source. */
export function wideFlow(functions: number): Flow {
  const retry = { attempts: 3, backoffMs: 200, timeoutMs: 5_000, order: 'strict' as const }
  const input = (node: string) => [{ node, output: 'default' }]
  const source: SourceNode = {
    kind: 'source',
    name: 'source',
    from: [],
    spec: { type: 'every', intervalMs: 1_000 },
    overflow: 'block',
    placement: {},
  }
  const nodes: FunctionNode[] = Array.from({ length: functions }, (_, i) => ({
    kind: 'function',
    name: `f${i}`,
    code: `f${i}.ts`,
    from: input(i % 100 === 0 ? 'source' : `f${i - 1}`),
    scale: { min: 1, max: 4 },
    concurrency: 1,
    retry,
    env: {},
    secrets: [],
    resources: {},
    placement: {},
  }))
  const sink: SinkNode = {
    kind: 'sink',
    name: 'sink',
    from: input(`f${functions - 1}`),
    spec: { type: 'log' },
    retry,
    placement: {},
  }
  return { name: 'wide', nodes: [source, ...nodes, sink] }
}
