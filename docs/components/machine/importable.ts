/** Modules that an edited exit handler can import: the architecture's numbers and what a handler is given. */
import * as vcpu from "../../lib/hypervisor/vcpu.js";
import * as controlBits from "../../lib/spec/control-bits.js";
import * as exitReasons from "../../lib/spec/exit-reasons.js";
import * as msrs from "../../lib/spec/msrs.js";
import * as ports from "../../lib/spec/ports.js";
import * as vectors from "../../lib/spec/vectors.js";
import * as vmcsFields from "../../lib/spec/vmcs-fields.js";
import * as vmxControls from "../../lib/spec/vmx-controls.js";
import * as io from "../../lib/hypervisor/vtx/exits/io.js";
import type { Modules } from "./edited-handler.js";

export const MODULES: Modules = {
  "src/spec/control-bits": controlBits,
  "src/spec/exit-reasons": exitReasons,
  "src/spec/msrs": msrs,
  "src/spec/ports": ports,
  "src/spec/vectors": vectors,
  "src/spec/vmcs-fields": vmcsFields,
  "src/spec/vmx-controls": vmxControls,
  "src/hypervisor/vcpu": vcpu,
  "src/hypervisor/vtx/exits/io": io,
};
