"""Speech features of a clip, one row a video frame."""


rule spectrogram:
    """Cut one 128x32 spectrogram a video frame."""
    input:
        wav="results/audio/{clip}.wav",
        frames="results/audio/{clip}.frames.parquet",
    output:
        table=ensure("results/spectrogram/{clip}.parquet", non_empty=True),
    log:
        "logs/spectrogram/{clip}.log",
    benchmark:
        "results/benchmarks/jobs/spectrogram/{clip}.tsv"
    conda:
        "../../envs/media.yaml"
    resources:
        mem_mb=growing(500),
        runtime=patient(5),
    params:
        settings=settings("spectrogram"),
        version=stage_version("spectrogram"),
    shell:
        r"""
        python -m speechface spectrogram --wav {input.wav:q} --frames {input.frames:q} \
            --settings {params.settings:q} --out {output.table:q} 2> {log:q}
        """


rule acoustic_features:
    """Compute log-mel, MFCC with deltas and chroma for every video frame."""
    input:
        wav="results/audio/{clip}.wav",
        frames="results/audio/{clip}.frames.parquet",
    output:
        table=ensure("results/acoustics/{clip}.parquet", non_empty=True),
    log:
        "logs/acoustic_features/{clip}.log",
    benchmark:
        "results/benchmarks/jobs/acoustic_features/{clip}.tsv"
    conda:
        "../../envs/media.yaml"
    resources:
        mem_mb=growing(800),
        runtime=patient(5),
    params:
        settings=settings("acoustics"),
        version=stage_version("acoustics"),
    shell:
        r"""
        python -m speechface acoustic-features --wav {input.wav:q} --frames {input.frames:q} \
            --settings {params.settings:q} --out {output.table:q} 2> {log:q}
        """
