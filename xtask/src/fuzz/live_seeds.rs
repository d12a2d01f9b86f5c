//! First inputs for the targets of live use: what recordings, clients, other programs and users really say.

use crate::models::error::ModelsError;

type Seeds = Result<Vec<Vec<u8>>, ModelsError>;

fn seeds(texts: &[&str]) -> Seeds {
    Ok(texts.iter().map(|text| text.as_bytes().to_vec()).collect())
}

/// Two moments of a recorded session, as `live --record` writes them; no moments; another version.
pub(super) fn session() -> Seeds {
    const HEAD: &str = "{\"anacrusis_session\":1,\"program\":\"0.1.0\"}\n";
    const LOOK: &str = concat!(
        r#"{"approach":{"change":1,"next":2,"next_prob":0.5,"prob":0.75,"since_mono_ns":5000,"within_beats":8},"#,
        r#""bands":[0.0,0.5,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0],"beat_in_bar":1,"beats_per_bar":4,"bpm":120.0,"#,
        r#""confidence":0.75,"downbeat_prob":0.5,"hazard_probs":[0.0,0.125,0.25,0.5,0.75],"intensity":0.5,"level":0.25,"#,
        r#""line":{"beat_origin":4.0,"origin_mono_ns":5000000000,"period_ns":500000000.0},"locked":true,"number":4,"reason":"locked","#,
        r#""said_mono_ns":5000000000,"section":{"before":null,"change":1,"prob":0.5,"section":4,"since_mono_ns":5000},"#,
        r#""section_probs":[0.0,0.25,0.25,0.0,0.5,0.0,0.0,0.0],"session":1,"taken":{"mono_ns":5000000000,"unix_ns":1700000000000000000}}"#,
        "\n"
    );
    const LATER: &str = concat!(
        r#"{"line":{"beat_origin":5.5,"origin_mono_ns":5600000000,"period_ns":480000000.0},"reason":"ambiguous-octave","#,
        r#""said_mono_ns":5600000000,"taken":{"mono_ns":5600000000,"unix_ns":1700000000600000000}}"#,
        "\n",
        r#"{"locked":false,"reason":"silence","session":2,"said_mono_ns":8600000000,"taken":{"mono_ns":8600000000,"unix_ns":1}}"#,
        "\n"
    );
    let whole = [HEAD, LOOK, LATER].concat();
    seeds(&[&whole, &whole[..whole.len() - 9], HEAD, "{\"anacrusis_session\":2}\n"])
}

/// Every request that there is, and some that are refused.
pub(super) fn web_request() -> Seeds {
    seeds(&[
        r#"{"v":1,"type":"sync","t":1234.5}"#,
        r#"{"type":"subscribe","events":["beat","section","approach","lock"],"state_hz":10,"bands":true}"#,
        r#"{"type":"subscribe","events":[]}"#,
        r#"{"v":2,"type":"hello"}"#,
        "[1]",
    ])
}

/// Carabiner's answers, of version 1.1.0 and before.
pub(super) fn carabiner_answer() -> Seeds {
    seeds(&[
        "status { :peers 0 :bpm 120.000000 :start 73743731220 :beat 597.737570 }\n",
        "version \"1.1.6\"\nbeat-at-time { :when 73746356220 :quantum 4.000000 :beat 5.25 }\nbad-bpm x\n",
        "unsupported versionstatus { :peers 2 :bpm 90.5, :start -1 }phase-at-time { :when 1 :quantum 3.0 :phase 2.5 }",
        "time-at-beat { :beat 1.0 :quantum 4.0 :when 1 }\r\nbad-time \nbad-quantum 0\nbad-beat\n",
    ])
}

/// What OS2L servers send, with and without anything between.
pub(super) fn os2l_message() -> Seeds {
    seeds(&[
        r#"{"evt":"feedback","name":"chorus","page":"x","state":"on"}{"evt":"feedback","name":"a\"}","state":"off"}"#,
        "{\"evt\":\"subscribe\",\"trigger\":[\"deck 1 play\"],\"frequency\":50}\n{}\nxy[1]",
    ])
}

/// Targets of datagrams.
pub(super) fn datagram_target() -> Seeds {
    seeds(&["127.0.0.1:7000", "10.0.0.5", "[::1]:9000", "fe80::1", "wled.local", "1.2.3.4:0"])
}

/// Settings with an output of every kind, then ones on the command line.
pub(super) fn settings() -> Seeds {
    const ALL: &str = "[input]\ndevice = \"loopback\"\nchannels = [3, 4]\ngain_db = -3.0\n[outputs.osc]\ntarget = \"127.0.0.1:9000\"\npreset = \"rkbx\"\n\
        subdiv_beats = [1, 0.5]\noffset_ms = -20\nonly = [\"beat\"]\n[outputs.wled]\ninterface = \"127.0.0.1\"\n[outputs.ddp]\npixels = 30\ncolours = { chorus = \"#ff3010\" }\n\
        [outputs.os2l]\ntarget = \"a:1\"\nlevel_command = 3\n[outputs.link]\nquantum = 4\n[outputs.web]\nlisten = \":7770\"\ntoken = \"12345678\"\n\
        [outputs.json]\nstate_hz = 10\n[outputs.midi]\nchannel = 16\n[outputs.midi-clock]\nport = \"x\"\n[outputs.record]\npath = \"x.jsonl\"\n";
    seeds(&[ALL, "[outputs.a]\nkind = \"ddp\"\nenabled = false\n", "outputs.osc.every_bars=[4, 8]", "input.device=a=b"])
}
