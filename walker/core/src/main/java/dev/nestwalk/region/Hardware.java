package dev.nestwalk.region;

/**
 * The IOMMU's own say in an attachment. The default implements what VT-d and SMMUv3 cannot do; an
 * embedder may ask its drivers instead.
 */
@FunctionalInterface
public interface Hardware {
  /** The rules of the two formats. */
  Hardware RULES =
      (device, pasid, table, pasidsInUse) -> {
        if (!table.unit().equals(device.unit())) {
          throw RegionException.of(Errno.EINVAL, "%s sits behind another IOMMU", device);
        }
        if (device.unit().format() != Unit.Format.SMMUV3) {
          return;
        }
        if (pasid != Tracker.RID) {
          if (table.isNested() || table.kind() == Hwpt.Kind.PARENT) {
            throw RegionException.of(
                Errno.EINVAL, "%s: an SMMUv3 takes substreams from a stage 1 of the host", device);
          }
          return;
        }
        boolean second = table.isNested() || table.kind() == Hwpt.Kind.PARENT;
        if (second && pasidsInUse) {
          throw RegionException.of(Errno.EBUSY, "%s has substreams attached", device);
        }
        if (table.isNested()
            && table.firstStage() == FirstStage.TRANSLATE
            && !table.hasVirtualDevice()) {
          throw RegionException.of(Errno.ENOENT, "%s has no StreamID in the guest", device);
        }
      };

  /**
   * Attaches a table, or replaces the attached one.
   *
   * @param pasid {@link Tracker#RID} for requests without PASID
   * @param pasidsInUse whether the device's group has tables attached to PASIDs
   * @throws RegionException if this is impossible; nothing has changed then
   */
  void attach(Device device, int pasid, Hwpt table, boolean pasidsInUse) throws RegionException;
}
