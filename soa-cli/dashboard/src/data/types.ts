// The answers of the server, as `soa-cli/src/dashboard` writes them. A number that is not known is null.

export interface Session {
  version: string;
  login: 'none' | 'token' | 'basic';
  is_signed_in: boolean;
  allow_changes?: boolean;
  interval_seconds?: number;
  keeps_in_redis?: boolean;
  redis?: string;
}

export interface RedisState {
  address: string;
  is_up: boolean;
  down_since: number | null;
  problem: string | null;
}

export interface Problem {
  severity: 'error' | 'warning' | 'note';
  code: string;
  what: string;
  advice: string | null;
}

/** Calls and times of the last seconds. */
export interface Lately {
  rate: number | null;
  rate_errors: number | null;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
}

export type ServiceState = 'up' | 'paused' | 'unattended' | 'unknown';

export interface Service extends Lately {
  name: string;
  state: ServiceState;
  is_paused: boolean;
  depth: number;
  depth_growth: number | null;
  oldest_seconds: number | null;
  workers: number;
  in_flight: number;
  concurrency: number;
  versions: { version: string; workers: number }[];
  dead_letters: number;
  problems: Problem[];
  spark: (number | null)[];
}

export interface Fleet {
  /** Null before the first look. */
  at: number | null;
  interval_seconds: number;
  redis: RedisState;
  notes: string[];
  totals: {
    services: number;
    workers: number;
    in_flight: number;
    concurrency: number;
    depth: number;
    rate: number | null;
    rate_errors: number | null;
    dead_letters: number;
    errors: number;
    warnings: number;
  };
  services: Service[];
  services_left_off?: number;
}

export interface Action extends Lately {
  name: string;
  calls: number;
  errors: Record<string, number>;
  callers: Record<string, number>;
  max_ms: number | null;
  shortest_patience_ms: number | null;
}

export interface Job {
  action: string;
  caller: string | null;
  running_ms: number;
  left_ms: number | null;
}

export interface Worker extends Lately {
  id: string;
  host: string;
  pid: number;
  version: string;
  build: string | null;
  schemas: string | null;
  started: number;
  told_at: number;
  is_paused: boolean;
  in_flight: number;
  concurrency: number;
  jobs: number;
  refused: number;
  dropped: number;
  oldest: Job[];
}

export interface Called {
  name: string;
  calls: number;
  failed: number;
  rate: number | null;
  rate_failed: number | null;
}

export interface Caller {
  name: string;
  calls: number;
  rate: number | null;
}

export interface ServiceDetail {
  at: number | null;
  redis: RedisState;
  service: Service;
  actions: Action[];
  actions_left_off: number;
  workers: Worker[];
  workers_left_off: number;
  callers: Caller[];
  called: Called[];
  reply_lists: number;
}

export interface WorkerDetail {
  at: number | null;
  redis: RedisState;
  worker: Worker & { actions: Action[]; called: Called[] };
}

export interface Request {
  age_seconds: number | null;
  left_seconds: number | null;
  actions: string[];
  caller: string | null;
  correlation_id: string | null;
  bytes: number;
  bodies: string[];
  problem: string | null;
}

export interface QueueDetail {
  service: string;
  depth: number;
  oldest_seconds: number | null;
  is_paused: boolean;
  left_off: number;
  requests: Request[];
}

/** A node of JSON Schema, with the type of the wire. */
export interface Schema {
  'x-soa'?: string;
  'x-nullable'?: boolean;
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  format?: string;
  contentEncoding?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  items?: Schema | boolean;
  prefixItems?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  propertyNames?: Schema;
  anyOf?: Schema[];
}

export interface ActionDescription {
  name: string;
  action: string;
  switch: number | string | null;
  documentation: string | null;
  request: Schema | null;
  response: Schema | null;
}

export interface Description {
  service: string;
  documentation: string | null;
  actions: ActionDescription[];
}

export interface History {
  span: Span;
  step_seconds: number;
  from: number;
  to: number;
  time: number[];
  rate: (number | null)[];
  rate_errors: (number | null)[];
  p50_ms: (number | null)[];
  p95_ms: (number | null)[];
  p99_ms: (number | null)[];
  in_flight?: (number | null)[];
  depth?: (number | null)[];
  age_seconds?: (number | null)[];
}

export type Span = '5m' | '1h' | '1d';

export interface GraphNode {
  name: string;
  kind: 'service' | 'programs' | 'others';
  state: ServiceState | null;
  rate: number | null;
  rate_errors: number | null;
}

export interface GraphEdge {
  from: string;
  to: string;
  calls: number;
  failed: number;
  rate: number | null;
  rate_failed: number | null;
}

export interface Graph {
  at: number | null;
  redis: RedisState;
  nodes: GraphNode[];
  edges: GraphEdge[];
  edges_left_off: number;
}

export interface Letter {
  service: string;
  id: string;
  actions: string[];
  reason: string;
  attempts: number;
  strikes: number;
  error: string | null;
  born_ms: number | null;
  died_ms: number | null;
  bytes: number;
}

export interface LetterDetail extends Letter {
  caller: string | null;
  correlation_id: string | null;
  bodies: string[];
  problem: string | null;
}

export interface Letters {
  letters: Letter[];
  left_off: number;
  counts: Record<string, number>;
}

export interface Mistake {
  /** The path of the field, with dots; null for the whole body. */
  field: string | null;
  message: string;
}

export interface ServiceError {
  code: string;
  message: string;
  field: string | null;
  is_caller_error?: boolean;
}

export interface CallAnswer {
  is_sent: boolean;
  took_ms: number | null;
  response: unknown;
  error: { kind: string; message: string; errors: ServiceError[]; advice: string[] } | null;
  command: string;
  curl: string;
}

export interface Finding extends Problem {
  /** The service that it is about, or another part of the fleet. */
  subject: string | null;
}

export interface Findings {
  redis: string;
  masters: number;
  services: number;
  findings: Finding[];
}
