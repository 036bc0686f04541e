/** The API's shapes, taken from the schemas that the API itself checks and documents. Types only: nothing of the server is bundled. */
import type { accountList, apiToken, joinToken, session } from '@eterne/cluster/api/schema/access.ts';
import type {
  configPlan,
  drillResult,
  failureSimulation,
  groupExplanation,
  simulationQuery,
} from '@eterne/cluster/api/schema/orders.ts';
import type { clusterEvent, clusterStatus } from '@eterne/cluster/api/schema/status.ts';
import type { templateList, templateQuestions } from '@eterne/cluster/api/schema/templates.ts';
import type { rescuePoints, splitBrains, volumeDetail } from '@eterne/cluster/api/schema/volumes.ts';
import type { z } from 'zod';

export type ClusterStatus = z.output<typeof clusterStatus>;
export type NodeStatus = ClusterStatus['nodes'][number];
export type PathStatus = NodeStatus['paths'][number];
export type VolumeStatus = ClusterStatus['volumes'][number];
export type ReplicaStatus = VolumeStatus['replicas'][number];
export type GroupStatus = ClusterStatus['groups'][number];
export type ClusterEvent = z.output<typeof clusterEvent>;
export type Session = z.output<typeof session>;
export type GroupExplanation = z.output<typeof groupExplanation>;
export type FailureSimulation = z.output<typeof failureSimulation>;
export type Situation = z.input<typeof simulationQuery>;
export type DrillResult = z.output<typeof drillResult>;
export type ConfigPlan = z.output<typeof configPlan>;
export type AccountList = z.output<typeof accountList>;
export type Account = AccountList['accounts'][number];
export type Role = Account['role'];
export type ApiToken = z.output<typeof apiToken>;
export type JoinToken = z.output<typeof joinToken>;
export type VolumeDetail = z.output<typeof volumeDetail>;
export type ReplicaDetail = VolumeDetail['replicas'][number];
export type ReplicaReport = NonNullable<ReplicaDetail['report']>;
export type ReplicaPeer = ReplicaReport['peers'][number];
export type SplitBrain = z.output<typeof splitBrains>['splitBrains'][number];
export type RescuePoint = z.output<typeof rescuePoints>['points'][number];
export type TemplateList = z.output<typeof templateList>;
export type TemplateQuestions = z.output<typeof templateQuestions>;
