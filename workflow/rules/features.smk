"""Speech features of the clips, one row a video frame."""

for share in SHARES:

    rule:
        """Cut one 128x32 spectrogram a video frame."""
        name:
            share.rule_name("spectrogram")
        input:
            wav=share.files(SOUND),
            frames=share.files("results/audio/{clip}.frames.parquet"),
        output:
            table=ensure(share.files("results/spectrogram/{clip}.parquet"), non_empty=True),
        log:
            f"logs/spectrogram/{share.place}.log",
        benchmark:
            f"results/benchmarks/jobs/spectrogram/{share.place}.tsv"
        conda:
            "../../envs/media.yaml"
        resources:
            mem_mb=growing(500),
            runtime=share.patient(0.5),
        params:
            settings=settings("spectrogram"),
            version=stage_version("spectrogram"),
        shell:
            r"""
            python -m speechface spectrogram --wav {input.wav:q} --frames {input.frames:q} \
                --settings {params.settings:q} --out {output.table:q} \
                --keep results/.kept 2> {log:q}
            """


for share in SHARES:

    rule:
        """Compute log-mel, MFCC with deltas and chroma for every video frame."""
        name:
            share.rule_name("acoustic_features")
        input:
            wav=share.files(SOUND),
            frames=share.files("results/audio/{clip}.frames.parquet"),
        output:
            table=ensure(share.files("results/acoustics/{clip}.parquet"), non_empty=True),
        log:
            f"logs/acoustic_features/{share.place}.log",
        benchmark:
            f"results/benchmarks/jobs/acoustic_features/{share.place}.tsv"
        conda:
            "../../envs/media.yaml"
        resources:
            mem_mb=growing(800),
            runtime=share.patient(0.5),
        params:
            settings=settings("acoustics"),
            version=stage_version("acoustics"),
        shell:
            r"""
            python -m speechface acoustic-features --wav {input.wav:q} --frames {input.frames:q} \
                --settings {params.settings:q} --out {output.table:q} \
                --keep results/.kept 2> {log:q}
            """


for share in SHARES:

    rule:
        """Compute the log-mel spectrum around every video frame, for sequence networks."""
        name:
            share.rule_name("log_mel")
        input:
            wav=share.files(SOUND),
            frames=share.files("results/audio/{clip}.frames.parquet"),
        output:
            table=ensure(share.files("results/log_mel/{clip}.parquet"), non_empty=True),
        log:
            f"logs/log_mel/{share.place}.log",
        benchmark:
            f"results/benchmarks/jobs/log_mel/{share.place}.tsv"
        conda:
            "../../envs/media.yaml"
        resources:
            mem_mb=growing(500),
            runtime=share.patient(0.5),
        params:
            settings=settings("log_mel"),
            version=stage_version("log_mel"),
        shell:
            r"""
            python -m speechface log-mel --wav {input.wav:q} --frames {input.frames:q} \
                --settings {params.settings:q} --out {output.table:q} \
                --keep results/.kept 2> {log:q}
            """


for share in SHARES:

    rule:
        """Cut the sound around every video frame, for networks that learn their own filters."""
        name:
            share.rule_name("waveform")
        input:
            wav=share.files(SOUND),
            frames=share.files("results/audio/{clip}.frames.parquet"),
        output:
            table=ensure(share.files("results/waveform/{clip}.parquet"), non_empty=True),
        log:
            f"logs/waveform/{share.place}.log",
        benchmark:
            f"results/benchmarks/jobs/waveform/{share.place}.tsv"
        conda:
            "../../envs/media.yaml"
        resources:
            mem_mb=growing(500),
            runtime=share.patient(0.5),
        params:
            settings=settings("waveform"),
            version=stage_version("waveform"),
        shell:
            r"""
            python -m speechface waveform --wav {input.wav:q} --frames {input.frames:q} \
                --settings {params.settings:q} --out {output.table:q} \
                --keep results/.kept 2> {log:q}
            """
