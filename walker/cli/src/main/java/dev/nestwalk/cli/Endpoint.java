package dev.nestwalk.cli;

import java.util.List;

/**
 * Something that can ask for DMA: a present context entry, with the PASID entry where there is one.
 *
 * @param pasid -1 for requests without PASID
 * @param type what happens to its requests, in words
 * @param firstStage whether addresses are canonical, both halves
 * @param width input address bits; 0 if there is nothing to scan
 * @param key the words that decide the translation: equal keys, equal ranges
 */
record Endpoint(
    int sourceId,
    int pasid,
    int domain,
    String type,
    boolean firstStage,
    boolean nested,
    int width,
    long table,
    List<Long> key) {}
