package dev.nestwalk.teach;

import java.util.List;

/**
 * Something that can ask for DMA: a context entry with its PASID entry, or a stream with its
 * context descriptor.
 *
 * @param pasid PASID or SubstreamID, -1 for requests without one
 * @param domain domain id, ASID or VMID
 * @param type how its requests are translated, in words
 * @param nested whether two stages translate
 * @param translates whether a table translates its requests; else there is nothing to scan
 * @param table the first table of the walk, 0 if there is none
 * @param key the words that determine the translation: equal keys mean equal ranges
 */
public record Endpoint(
    int sourceId,
    int pasid,
    int domain,
    String type,
    boolean nested,
    boolean translates,
    long table,
    List<Long> key) {}
