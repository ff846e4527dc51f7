package dev.nestwalk.smmu;

import dev.nestwalk.dma.Access;

/** Stage 1 permissions of one requester (DDI 0487, D8.4); computed anew for each leaf. */
final class Stage1Rights {
  private boolean readable;
  private boolean writable;
  private boolean executable;
  private boolean privilegedNever;

  /**
   * Computes the rights that a leaf grants.
   *
   * @param hierarchy OR of the table descriptors above, 0 if hierarchical permissions are off
   */
  void judge(SmmuPlan plan, long leaf, long hierarchy, boolean privileged) {
    boolean clean = plan.hd && Stage1Descriptor.DBM.in(leaf);
    boolean writes = !Stage1Descriptor.AP2.in(leaf) || clean;
    int table = (int) Stage1Descriptor.APTABLE.get(hierarchy);
    writes &= (table & 2) == 0;
    boolean pxn = Stage1Descriptor.PXN.in(leaf) || Stage1Descriptor.PXNTABLE.in(hierarchy);
    boolean uxn = Stage1Descriptor.UXN.in(leaf) || Stage1Descriptor.UXNTABLE.in(hierarchy);
    if (!plan.twoPrivileges) {
      readable = true;
      writable = writes;
      executable = !uxn;
      privilegedNever = false;
    } else {
      boolean user = Stage1Descriptor.AP1.in(leaf) && (table & 1) == 0;
      readable = privileged || user;
      writable = writes && (privileged || user);
      executable = privileged ? !pxn && !(user && writes) : !uxn;
      privilegedNever = privileged && plan.privilegedNever && user;
      writable &= !privilegedNever;
    }
    executable &= !(plan.writeNeverExecute && writable);
  }

  /** Whether all of {@code need} is granted. */
  boolean allow(int need) {
    int data = need & Access.ATOMIC;
    return (data() & data) == data && ((need & Stage2Walk.EXECUTE) == 0 || executable);
  }

  /** Whether only the read of an atomic access is denied. */
  boolean deniesReadOnly(int need) {
    return (need & Access.WRITE) != 0 && writable;
  }

  /** The read, write and execute rights granted. */
  int all() {
    return data() | (executable ? Access.EXECUTE : 0);
  }

  /** The read and write rights granted. */
  int data() {
    boolean reads = readable && !privilegedNever;
    return (reads ? Access.READ : 0) | (writable ? Access.WRITE : 0);
  }
}
