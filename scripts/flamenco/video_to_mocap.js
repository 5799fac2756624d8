// SPDX-License-Identifier: GPL-3.0-or-later
// A job type of Flamenco 3, the render farm of Blender studios: every clip becomes a task, which a worker does in
// Blender without a window. Goes into the folder "scripts" beside flamenco-manager; docs/technical-director/batch.md has the rest.

const JOB_TYPE = {
    label: "Video to Mocap",
    description: "Captures the person in each of several videos as an armature.",
    settings: [
        {
            key: "clips", type: "string", required: true,
            eval: "'; '.join(bpy.path.abspath(clip.video) for clip in bpy.context.scene.video_to_mocap.clips)",
            evalInfo: { showButton: true, description: "The clips of the add-on's Queue" },
            description: "Videos with ; between. A folder or a pattern (takes/*.mp4) is one task for all of its clips"
        },
        {
            key: "output_dir", type: "string", subtype: "dir_path", required: true,
            description: "Where the results go; every worker has to see it under this path"
        },
        {
            key: "batch_script", type: "string", subtype: "file_path", required: true,
            description: "scripts/batch.py of Video to Mocap, where the workers find it, with its engine set up"
        },
        {
            key: "settings_file", type: "string", subtype: "file_path", default: "",
            description: "Settings that were exported from the panel (.json); empty for the engine's own"
        },
        {
            key: "formats", type: "string", default: "fbx", required: true,
            description: "Any of fbx, bvh, glb, blend, with commas between"
        }
    ]
};

const FORMATS = ["fbx", "bvh", "glb", "blend"];

function compileJob(job) {
    const settings = job.settings;
    const clips = listed(settings.clips, ";");
    const formats = listed(settings.formats, ",");
    if (!clips.length) {
        throw new Error("clips is empty; give videos with ; between");
    }
    if (!formats.length) {
        throw new Error("formats is empty; give any of " + FORMATS.join(", "));
    }
    formats.forEach(function (format) {
        if (FORMATS.indexOf(format) < 0) {
            throw new Error("no format " + format + "; there are " + FORMATS.join(", "));
        }
    });
    const names = clips.map(nameOf);
    names.forEach(function (name, index) {
        if (names.indexOf(name) !== index) {
            throw new Error("several clips are named " + name + ": their results would overwrite each other");
        }
    });
    clips.forEach(function (clip) {
        const task = author.Task(nameOf(clip), "blender");
        task.addCommand(author.Command("exec", { exe: "{blender}", args: argumentsFor(clip, settings, formats) }));
        job.addTask(task);
    });
}

// What Blender is started with. Its own settings stay at home: those of a worker must not change a result.
function argumentsFor(clip, settings, formats) {
    const args = ["-b", "--factory-startup", "--python", settings.batch_script, "--"];
    args.push("--output-dir=" + settings.output_dir);
    formats.forEach(function (format) {
        args.push("--format=" + format);
    });
    if (settings.settings_file) {
        args.push("--settings=" + settings.settings_file);
    }
    return args.concat(["--", clip]);
}

function listed(text, separator) {
    return text.split(separator).map(function (item) {
        return item.trim();
    }).filter(function (item) {
        return item.length > 0;
    });
}

function nameOf(clip) {
    return clip.replace(/[\/\\]+$/, "").split(/[\/\\]/).pop();
}
