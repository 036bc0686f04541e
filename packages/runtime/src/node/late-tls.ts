/** Node's TLS, loaded when it is first needed: it takes 2 MiB in each of a node's many processes, and half of them open no such connection. */
export const nodeTls = () => process.getBuiltinModule('node:tls');
