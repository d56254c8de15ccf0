import { mkdir } from 'node:fs/promises'
import type { Cluster } from '../cluster.ts'
import type { ClusterNode } from '../node.ts'
import { localVolume } from './local-volume.ts'

/** Class of the volumes on nodes of a zone. */
export const disksOf = (zone: string) => `disks-of-${zone}`

/** Gives a node a volume, of the class of its zone. @param path of a folder that is not there */
export async function diskOn(
  cluster: Pick<Cluster, 'apply'>,
  node: Pick<ClusterNode, 'name' | 'zone' | 'run'>,
  path: string,
): Promise<void> {
  await mkdir(path, { mode: 0o777 })
  await node.run('chmod', '777', path)
  const volume = localVolume(node.name, path, node.name)
  await cluster.apply(
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: disksOf(node.zone) },
      provisioner: 'kubernetes.io/no-provisioner',
      volumeBindingMode: 'WaitForFirstConsumer',
    },
    { ...volume, spec: { ...volume.spec, storageClassName: disksOf(node.zone) } },
  )
}
