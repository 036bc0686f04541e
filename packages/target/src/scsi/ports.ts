/** The target has one target port and one target port group (SPC-4 §5.15): all portals lead to the same units in the same way. */
export const TARGET_PORT_GROUP = 1;
export const RELATIVE_TARGET_PORT = 1;
